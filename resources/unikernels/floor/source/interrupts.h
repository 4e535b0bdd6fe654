/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include <stdint.h>

/* Takes over the interrupts: the timer's, and line `card_line` (0 to 15), whose card is told by `quiet`. */
void take_interrupts(uint8_t card_line, void (*quiet)(void));

/* Has an interrupt come once, in about 50 ms: there is no other tick. */
void wake_up_soon(void);

/* Sleeps until an interrupt has come. They are let through here and nowhere else. */
void sleep_until_interrupt(void);

#endif
