/* SPDX-License-Identifier: Apache-2.0 */
#include "grants.h"

#include "ring.h"
#include "xen.h"

enum { RESERVED = 8, PERMIT = 1, READ_ONLY = 4 }; /* grant_table.h */

/* grant_table.h: struct grant_entry_v1, of which the table has a page. */
static volatile struct { uint16_t flags, domain; uint32_t frame; } table[PAGE / 8] __attribute__((aligned(PAGE)));
static uint32_t next = RESERVED;

void open_grants(void)
{
    map_page(GRANTS, (void *)table);
}

uint32_t grant(uint16_t domain, const void *page, bool is_read_only)
{
    table[next].domain = domain;
    table[next].frame = (uint32_t)page / PAGE;
    order_memory(); /* the flags make it valid */
    table[next].flags = is_read_only ? PERMIT | READ_ONLY : PERMIT;
    return next++;
}
