/* SPDX-License-Identifier: Apache-2.0 */
/* The first serial port, as firmware left it: a hypervisor's has no line whose speed would matter. */
#include "console.h"

#include "ports.h"

enum { DATA = 0x3f8, LINE_STATUS = 0x3f8 + 5, CAN_TAKE_MORE = 0x20, MOST_LOOKS = 10000 };

/* A port that is not there says 0xff, and one that is stuck is given up: the console holds nothing up. */
static void put(char c)
{
    for (int looks = 0; looks < MOST_LOOKS && !(in8(LINE_STATUS) & CAN_TAKE_MORE); looks++)
        ;
    out8(DATA, (uint8_t)c);
}

static void put_text(const char *text)
{
    while (*text)
        put(*text++);
}

void say(const char *what, const char *detail)
{
    put_text("floor: ");
    put_text(what);
    put_text(detail);
    put_text("\r\n");
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
    for (;;)
        __asm__ volatile("cli; hlt");
}
