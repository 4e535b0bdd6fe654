/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"

#include "console.h"
#include "xen.h"
#include "xen_clock.h"

enum {
    SEND = 4, ALLOCATE = 6, /* event_channel.h */
    POLL = 3, /* sched.h */
    CHANNELS = 1024, BITS = 32, /* of the shared page */
};

static uint64_t tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

uint64_t now_ns(void)
{
    const volatile struct time_info *shared = &shared_info()->processors[0].time;
    struct time_info told;
    uint64_t ns;

    /* The version is odd while Xen writes, and has changed afterwards. */
    do {
        told = *shared;
        ns = clock_ns(&told, tsc());
    } while (told.version & 1 || told.version != shared->version);
    return ns;
}

uint32_t open_channel(uint16_t domain)
{
    /* event_channel.h: struct evtchn_alloc_unbound. */
    struct { uint16_t ours, theirs; uint32_t channel; } asked = {.ours = OURSELVES, .theirs = domain};

    if (call_xen(EVENT_CHANNEL, ALLOCATE, &asked, 0) < 0 || asked.channel >= CHANNELS)
        give_up("Xen gives no event channel", "");
    return asked.channel;
}

void tell(uint32_t channel)
{
    call_xen(EVENT_CHANNEL, SEND, &channel, 0);
}

/* Xen sets these bits at any time: only a locked instruction clears one bit and no other. */
static void take_back(uint32_t channel)
{
    volatile uint32_t *word = &shared_info()->pending[channel / BITS];

    __asm__ volatile("lock btrl %1, %0" : "+m"(*word) : "Ir"(channel % BITS) : "memory", "cc");
}

void await_events(const uint32_t *channels, size_t count, uint64_t until_ns)
{
    /* sched.h: struct sched_poll. It returns at once if an event is pending; a time of 0 means no limit. */
    struct { const uint32_t *channels; uint32_t count; uint64_t until_ns; } asked = {
        .channels = channels, .count = (uint32_t)count, .until_ns = until_ns == NEVER ? 0 : until_ns,
    };

    if (call_xen(SCHEDULE, POLL, &asked, 0) < 0)
        give_up("Xen does not let it wait", "");
    for (size_t i = 0; i < count; i++)
        take_back(channels[i]);
}
