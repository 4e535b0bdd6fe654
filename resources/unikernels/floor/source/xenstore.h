/* SPDX-License-Identifier: Apache-2.0 */
/* Xenstore: keys and values that the domains and their tools share. A folder without "/" first is our own. */
#ifndef XENSTORE_H
#define XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void open_store(void);

/* Reads a value, as text that is cut to `room`. False: there is none. */
bool store_read(const char *folder, const char *key, char *value, size_t room);

void store_write(const char *folder, const char *key, const char *value);

/* Has xenstore tell, now and at each change of that key. */
void store_watch(const char *folder, const char *key);

/* Gives whether something that is watched has changed since it was last asked. */
bool store_has_news(void);

/* The channel by which xenstore tells. */
uint32_t channel_of_store(void);

#endif
