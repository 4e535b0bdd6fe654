/* SPDX-License-Identifier: Apache-2.0 */
#include "xen_clock.h"

/* Only the upper parts of the product are needed: in two halves, it stays within 64 bits. */
static uint64_t times_fraction(uint64_t value, uint32_t fraction)
{
    return (value >> 32) * fraction + ((value & 0xffffffff) * fraction >> 32);
}

uint64_t clock_ns(const struct time_info *told, uint64_t tsc)
{
    uint64_t since = tsc - told->tsc;

    since = told->shift < 0 ? since >> -told->shift : since << told->shift;
    return told->ns + times_fraction(since, told->multiplier);
}
