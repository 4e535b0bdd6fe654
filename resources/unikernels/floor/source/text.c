/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "packets.h"

bool skip(const char **at, const char *word)
{
    const char *here = *at;

    while (*word)
        if (*here++ != *word++)
            return false;
    *at = here;
    return true;
}

bool read_number(const char **at, uint32_t most, uint32_t *found)
{
    const char *here = *at;
    uint32_t value = 0;

    /* `most` is at most 65535: the value is below 655360 when it is checked, and cannot overflow. */
    for (; *here >= '0' && *here <= '9'; here++) {
        value = value * 10 + (uint32_t)(*here - '0');
        if (value > most)
            return false;
    }
    if (here == *at)
        return false;
    *at = here;
    *found = value;
    return true;
}

/* Return a hexadecimal digit's value; 16: it is none. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

bool read_mac(const char **at, uint8_t *mac)
{
    const char *here = *at;
    unsigned high, low;

    for (int i = 0; i < MAC_BYTES; i++) {
        if (i && *here++ != ':')
            return false;
        if ((high = digit(*here++)) > 15 || (low = digit(*here++)) > 15)
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    *at = here;
    return true;
}

const char *write_number(uint32_t number, char *text)
{
    int digits = 1;

    for (uint32_t left = number; left > 9; left /= 10)
        digits++;
    text[digits] = '\0';
    for (; digits > 0; number /= 10)
        text[--digits] = (char)('0' + number % 10);
    return text;
}
