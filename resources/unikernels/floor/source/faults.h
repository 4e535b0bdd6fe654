/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTS_H
#define FAULTS_H

enum { FAULTS = 32, VECTORS = FAULTS + 16 };

/* Makes every fault stop with a line on the console. Vectors from FAULTS on are for interrupts, unused yet. */
void take_faults(void);

/* Sets the handler of a vector, which is in boot.S. */
void set_gate(unsigned vector, void (*handler)(void));

#endif
