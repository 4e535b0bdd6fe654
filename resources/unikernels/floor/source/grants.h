/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRANTS_H
#define GRANTS_H

#include <stdbool.h>
#include <stdint.h>

/* Maps the grant table; must be called first. */
void open_grants(void);

/* Lets another domain read, and perhaps write, the page that `page` is in. Returns the grant's number. */
uint32_t grant(uint16_t domain, const void *page, bool is_read_only);

#endif
