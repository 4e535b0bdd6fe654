/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's event channels, and the time: what a guest sleeps by. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stddef.h>
#include <stdint.h>

#define NEVER (~(uint64_t)0)

/* Nanoseconds of Xen's clock. */
uint64_t now_ns(void);

/* Gives a new channel that another domain may connect to. */
uint32_t open_channel(uint16_t domain);

/* Tells the other end of a channel. */
void tell(uint32_t channel);

/* Sleeps until one of the channels has been told something, or it is `until_ns`. It may end for nothing. */
void await_events(const uint32_t *channels, size_t count, uint64_t until_ns);

#endif
