/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled with -fno-tree-loop-distribute-patterns; otherwise the loops would become calls of themselves. */
#include "bytes.h"

void *memcpy(void *to, const void *from, size_t count)
{
    uint8_t *out = to;
    const uint8_t *in = from;

    while (count--)
        *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *out = to;

    while (count--)
        *out++ = (uint8_t)value;
    return to;
}

int memcmp(const void *one, const void *other, size_t count)
{
    const uint8_t *left = one, *right = other;

    for (; count; count--, left++, right++)
        if (*left != *right)
            return *left < *right ? -1 : 1;
    return 0;
}
