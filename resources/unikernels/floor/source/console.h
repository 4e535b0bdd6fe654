/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdint.h>

/* Writes one line to the console: "floor: ", `what`, and `detail` unless it is empty. */
void say(const char *what, const char *detail);

/* The same with a number, in hexadecimal. */
void say_number(const char *what, uint32_t number);

/* Writes the reason to the console, and stops for good. */
_Noreturn void give_up(const char *why, const char *detail);

#endif
