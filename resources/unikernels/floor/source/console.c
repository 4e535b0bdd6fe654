/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include "machine.h"

void say(const char *what, const char *detail)
{
    machine->write("floor: ");
    machine->write(what);
    machine->write(detail);
    machine->write("\r\n");
}

void say_number(const char *what, uint32_t number)
{
    char digits[9];

    for (int i = 0; i < 8; i++)
        digits[i] = "0123456789abcdef"[number >> (28 - 4 * i) & 0xf];
    digits[8] = '\0';
    say(what, digits);
}

void give_up(const char *why, const char *detail)
{
    say(why, detail);
    machine->stop();
}
