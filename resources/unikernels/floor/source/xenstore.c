/* SPDX-License-Identifier: Apache-2.0 */
#include "xenstore.h"

#include "console.h"
#include "events.h"
#include "ring.h"
#include "store_message.h"
#include "xen.h"

enum { RING_BYTES = 1024 }; /* io/xs_wire.h */
#define PATIENCE_NS 20000000000u

/* io/xs_wire.h: struct xenstore_domain_interface; the rest is not needed. */
struct store_page {
    uint8_t requests[RING_BYTES], replies[RING_BYTES];
    uint32_t requests_taken, requests_put, replies_taken, replies_put;
};

static struct byte_ring requests, replies;
static uint32_t channel;
static bool has_news;

void open_store(void)
{
    volatile struct store_page *page = (void *)(uintptr_t)(parameter(STORE_FRAME) * PAGE);

    if (!page)
        give_up("Xen gives no xenstore", "");
    requests = (struct byte_ring){page->requests, RING_BYTES, &page->requests_put, &page->requests_taken};
    replies = (struct byte_ring){page->replies, RING_BYTES, &page->replies_put, &page->replies_taken};
    channel = (uint32_t)parameter(STORE_CHANNEL);
}

static void await_store(uint64_t until_ns)
{
    if (now_ns() >= until_ns)
        give_up("xenstore does not answer", "");
    await_events(&channel, 1, until_ns);
}

static void put_all(const uint8_t *from, size_t count)
{
    uint64_t until_ns = now_ns() + PATIENCE_NS;
    size_t done = 0;

    while ((done += put_bytes(&requests, from + done, count - done)) < count) {
        tell(channel);
        await_store(until_ns);
    }
    tell(channel);
}

static void take_all(void *to, size_t count)
{
    uint64_t until_ns = now_ns() + PATIENCE_NS;
    size_t done = 0;

    for (;;) {
        bool was_full = *replies.put - *replies.taken == RING_BYTES;

        done += take_bytes(&replies, (uint8_t *)to + done, count - done);
        if (was_full)
            tell(channel); /* it waits for space */
        if (done == count)
            return;
        await_store(until_ns);
    }
}

/* Take the next message. Its content is truncated to `room`, and ends with a zero byte. */
static struct store_head take_message(char *said, size_t room)
{
    struct store_head head;
    size_t kept;
    uint8_t rest;

    take_all(&head, sizeof head);
    kept = head.bytes < room ? head.bytes : room - 1;
    take_all(said, kept);
    said[kept] = '\0';
    for (; kept < head.bytes; kept++)
        take_all(&rest, 1);
    has_news |= head.type == WATCH_EVENT;
    return head;
}

static bool ask(enum store_type type, const char *folder, const char *key, const char *value, char *said, size_t room)
{
    static uint32_t number;
    uint8_t message[MESSAGE_BYTES];
    size_t bytes = store_message(type, ++number, folder, key, value, message);
    struct store_head head;

    if (!bytes)
        give_up("xenstore does not take what is so long: ", folder);
    put_all(message, bytes);
    do {
        head = take_message(said, room);
    } while (head.type == WATCH_EVENT || head.number != number);
    return head.type != ERROR;
}

bool store_read(const char *folder, const char *key, char *value, size_t room)
{
    return ask(READ, folder, key, "", value, room);
}

void store_write(const char *folder, const char *key, const char *value)
{
    char said[16];

    if (!ask(WRITE, folder, key, value, said, sizeof said))
        give_up("xenstore does not let it write: ", said);
}

void store_watch(const char *folder, const char *key)
{
    char said[16];

    if (!ask(WATCH, folder, key, key, said, sizeof said))
        give_up("xenstore does not let it watch: ", said);
}

bool store_has_news(void)
{
    char said[16];
    bool had_news;

    while (*replies.put != *replies.taken)
        take_message(said, sizeof said);
    had_news = has_news;
    has_news = false;
    return had_news;
}

uint32_t channel_of_store(void)
{
    return channel;
}
