/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include <stdint.h>

/* Sets up the interrupts of the timer and of line `card_line` (0 to 15), whose card `quiet` acknowledges. */
void take_interrupts(uint8_t card_line, void (*quiet)(void));

/* Requests one interrupt in about 50 ms: there is no other tick. */
void wake_up_soon(void);

/* Sleeps until an interrupt. Interrupts are enabled only here. */
void sleep_until_interrupt(void);

#endif
