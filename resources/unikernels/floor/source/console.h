/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdint.h>

/* One line on the console: "floor: ", `what`, and `detail` where it is not empty. */
void say(const char *what, const char *detail);

/* The same, of a number, in hexadecimal. */
void say_number(const char *what, uint32_t number);

/* Says why, and stops for good: the guest is dead, and whoever reads the console knows why. */
_Noreturn void give_up(const char *why, const char *detail);

#endif
