/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's event channels and clock, by which a guest sleeps. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stddef.h>
#include <stdint.h>

#define NEVER (~(uint64_t)0)

/* Nanoseconds of Xen's clock. */
uint64_t now_ns(void);

/* Returns a new channel that another domain may connect to. */
uint32_t open_channel(uint16_t domain);

/* Notifies the other end of a channel. */
void tell(uint32_t channel);

/* Sleeps until one of the channels is notified, or until `until_ns`. It may return early. */
void await_events(const uint32_t *channels, size_t count, uint64_t until_ns);

#endif
