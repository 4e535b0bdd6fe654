/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTS_H
#define FAULTS_H

enum { FAULTS = 32, VECTORS = FAULTS + 16 };

/* Has every fault end on the console. Vectors from FAULTS on are interrupts', and do nothing yet. */
void take_faults(void);

/* Has a vector enter at `handler`, which is in boot.S. */
void set_gate(unsigned vector, void (*handler)(void));

#endif
