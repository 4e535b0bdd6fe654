/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front end and the back end, which is in another domain, find each other by xenstore, and share one ring for each
 * direction (io/netif.h). A frame is always in one buffer: no feature is requested that would need more.
 */
#include "vif.h"

#include "bytes.h"
#include "console.h"
#include "events.h"
#include "grants.h"
#include "ring.h"
#include "text.h"
#include "xen.h"
#include "xenstore.h"

enum {
    AWAITS_US = 2, CONNECTED = 4, /* io/xenbus.h: states */
    IS_PART = 4 | 8, /* io/netif.h: NETRXF_more_data, NETRXF_extra_info */
    ENTRIES = 256, /* the largest power of two of either kind that fits into a page after its head */
    BUFFERS = 32, /* each direction */
    HALF = PAGE / 2,
    TEXT_BYTES = 128,
};
#define PATIENCE_NS 20000000000u
#define FRONT "device/vif/0"

/* io/netif.h: a request and its response share an entry. */
union send_entry {
    struct { uint32_t grant; uint16_t offset, flags, buffer, bytes; } request;
    struct { uint16_t buffer; int16_t status; } response;
};
union receive_entry {
    struct { uint16_t buffer, unused; uint32_t grant; } request;
    struct { uint16_t buffer, offset, flags; int16_t bytes; } response;
};

/* Each in pages of its own: a grant is of a whole page. */
static volatile struct { struct ring head; union send_entry entries[ENTRIES]; }
    send_ring __attribute__((aligned(PAGE)));
static volatile struct { struct ring head; union receive_entry entries[ENTRIES]; }
    receive_ring __attribute__((aligned(PAGE)));
static uint8_t sent[BUFFERS][HALF] __attribute__((aligned(PAGE)));
static uint8_t received[BUFFERS][PAGE] __attribute__((aligned(PAGE)));

static uint32_t send_grants[BUFFERS], receive_grants[BUFFERS];
static bool is_sent[BUFFERS];
static uint32_t sends, sends_seen, receives, receives_seen; /* totals */
static uint32_t channel;

/* --- the rings ------------------------------------------------------------------------------- */

static void offer(uint16_t buffer)
{
    volatile union receive_entry *entry = &receive_ring.entries[receives++ % ENTRIES];

    entry->request.buffer = buffer;
    entry->request.grant = receive_grants[buffer];
}

static void take_sent_back(void)
{
    while (has_response(&send_ring.head, sends_seen)) {
        uint16_t buffer = send_ring.entries[sends_seen++ % ENTRIES].response.buffer;

        if (buffer >= BUFFERS)
            give_up("the network card returned what it was not given", "");
        is_sent[buffer] = false;
    }
}

static uint16_t free_buffer(void)
{
    uint16_t buffer = 0;

    take_sent_back();
    while (buffer < BUFFERS && is_sent[buffer])
        buffer++;
    return buffer;
}

bool send_by_vif(const uint8_t *frame, size_t count)
{
    uint16_t buffer = free_buffer();
    volatile union send_entry *entry = &send_ring.entries[sends % ENTRIES];

    if (buffer == BUFFERS || count > FRAME_BYTES)
        return false;
    is_sent[buffer] = true;
    memcpy(sent[buffer], frame, count);
    entry->request.grant = send_grants[buffer];
    entry->request.offset = (uint16_t)(buffer % 2 * HALF);
    entry->request.flags = 0;
    entry->request.buffer = buffer;
    entry->request.bytes = (uint16_t)count;
    if (hand_over(&send_ring.head, ++sends))
        tell(channel);
    return true;
}

/* Copy the frame that a response describes. An incomplete frame becomes an invalid one, which is ignored. */
static size_t copy(uint16_t buffer, uint16_t offset, uint16_t flags, int16_t bytes, uint8_t *frame)
{
    if (bytes <= 0 || bytes > FRAME_BYTES || offset > PAGE - bytes || flags & IS_PART)
        return frame[0] = 0, 1;
    memcpy(frame, received[buffer] + offset, (size_t)bytes);
    return (size_t)bytes;
}

static bool has_received(void)
{
    if (has_response(&receive_ring.head, receives_seen))
        return true;
    be_told_of_next(&receive_ring.head, receives_seen);
    return has_response(&receive_ring.head, receives_seen);
}

size_t receive_by_vif(uint8_t *frame)
{
    volatile union receive_entry *entry = &receive_ring.entries[receives_seen % ENTRIES];
    uint16_t buffer;
    size_t count;

    if (!has_received())
        return 0;
    buffer = entry->response.buffer;
    if (buffer >= BUFFERS)
        give_up("the network card returned what it was not given", "");
    count = copy(buffer, entry->response.offset, entry->response.flags, entry->response.bytes, frame);
    receives_seen++;
    offer(buffer);
    if (hand_over(&receive_ring.head, receives))
        tell(channel);
    return count;
}

uint32_t channel_of_vif(void)
{
    return channel;
}

/* --- connection ------------------------------------------------------------------------------- */

static uint32_t read_from_store(const char *folder, const char *key)
{
    char text[TEXT_BYTES];
    const char *at = text;
    uint32_t found;

    if (!store_read(folder, key, text, sizeof text) || !read_number(&at, 65535, &found))
        return 0;
    return found;
}

static void write_to_store(const char *key, uint32_t number)
{
    char text[NUMBER_BYTES];

    store_write(FRONT, key, write_number(number, text));
}

static void share(uint16_t domain)
{
    channel = open_channel(domain);
    open_grants();
    /* Both sides are notified of the first entry, but not of sent frames: 0 is in the past. */
    receive_ring.head.request_event = send_ring.head.request_event = receive_ring.head.response_event = 1;
    for (uint16_t buffer = 0; buffer < BUFFERS; buffer++) {
        receive_grants[buffer] = grant(domain, received[buffer], false);
        send_grants[buffer] = grant(domain, sent[buffer], true);
        offer(buffer);
    }
    hand_over(&receive_ring.head, receives);
}

static void publish(uint16_t domain)
{
    write_to_store("tx-ring-ref", grant(domain, (const void *)&send_ring, false));
    write_to_store("rx-ring-ref", grant(domain, (const void *)&receive_ring, false));
    write_to_store("event-channel", channel);
    write_to_store("request-rx-copy", 1);
    write_to_store("feature-rx-notify", 1);
    /* Frames arrive with complete checksums, and none needs more than one buffer. */
    write_to_store("feature-no-csum-offload", 1);
    write_to_store("state", CONNECTED);
}

static void await_back(const char *back, uint32_t wanted)
{
    uint32_t channel_of_news = channel_of_store(), state;
    uint64_t until_ns = now_ns() + PATIENCE_NS;
    char text[NUMBER_BYTES];

    while ((state = read_from_store(back, "state")) != wanted) {
        if (now_ns() >= until_ns)
            give_up("the network card's back does not connect: its state is ", write_number(state, text));
        await_events(&channel_of_news, 1, until_ns);
    }
}

void start_vif(uint8_t *mac)
{
    char back[TEXT_BYTES], text[TEXT_BYTES];
    const char *at = text;
    uint16_t domain;

    if (!store_read(FRONT, "backend", back, sizeof back))
        give_up("there is no network card: Xen has no " FRONT, "");
    if (!store_read(FRONT, "mac", text, sizeof text) || !read_mac(&at, mac))
        give_up("the network card has no MAC address", "");
    domain = (uint16_t)read_from_store(FRONT, "backend-id");
    store_watch(back, "state");
    share(domain);
    await_back(back, AWAITS_US);
    publish(domain);
    await_back(back, CONNECTED);
    tell(channel);
}
