/* SPDX-License-Identifier: Apache-2.0 */
/* The first serial port, as the firmware left it: the speed of a virtual one does not matter. */
#include "serial.h"

#include "ports.h"

enum { DATA = 0x3f8, LINE_STATUS = 0x3f8 + 5, CAN_TAKE_MORE = 0x20, MOST_LOOKS = 10000 };

/* A missing port reads 0xff; output to a blocked one is dropped. */
static void put(char c)
{
    for (int looks = 0; looks < MOST_LOOKS && !(in8(LINE_STATUS) & CAN_TAKE_MORE); looks++)
        ;
    out8(DATA, (uint8_t)c);
}

void write_serial(const char *text)
{
    while (*text)
        put(*text++);
}
