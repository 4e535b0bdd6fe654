/* SPDX-License-Identifier: Apache-2.0 */
/* Xenstore: keys and values shared by domains and tools. A folder without a leading "/" is the domain's own. */
#ifndef XENSTORE_H
#define XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void open_store(void);

/* Reads a value as text, truncated to `room`. False: there is none. */
bool store_read(const char *folder, const char *key, char *value, size_t room);

void store_write(const char *folder, const char *key, const char *value);

/* Makes xenstore notify, now and at each change of that key. */
void store_watch(const char *folder, const char *key);

/* Returns whether a watched key has changed since the last call. */
bool store_has_news(void);

/* The channel by which xenstore notifies. */
uint32_t channel_of_store(void);

#endif
