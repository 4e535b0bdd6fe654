/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A xenstore, a console's reader and the back of a network card, for the sources of the guest: `fake_xen SCENARIO`.
 * What the guest writes to xenstore is printed, and why it ends. They act only while the guest waits, and xenstore
 * and the reader take and give a few bytes at a time.
 */
#include "events.h"
#include "grants.h"
#include "machine.h"
#include "store_message.h"
#include "vif.h"
#include "xen.h"
#include "xen_console.h"
#include "xenstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACK "/local/domain/0/backend/vif/7/0"
enum {
    STORE = 1, CONSOLE = 2, VIF = 5, /* channels */
    RING = 1024, HEAD = 64, ENTRIES = 256, SEND_ENTRY = 12, RECEIVE_ENTRY = 8, BUFFERS = 32,
};

static const char *scenario;
static uint64_t time_ns = 1000;

static bool plays(const char *name)
{
    return !strcmp(scenario, name);
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    printf("wrong: %s\n", what);
    exit(1);
}

/* --- xenstore -------------------------------------------------------------------------------- */

static struct {
    uint8_t requests[RING], replies[RING];
    uint32_t requests_taken, requests_put, replies_taken, replies_put;
} page __attribute__((aligned(PAGE)));

static struct { char key[80], value[80]; } store[32] = {
    {"device/vif/0/backend", BACK}, {"device/vif/0/backend-id", "3"},
    {"device/vif/0/mac", "00:16:3e:0A:0b:ff"}, {BACK "/state", "1"},
};
static uint8_t asked[4096], pending[65536];
static size_t asked_bytes, pending_bytes, pending_sent;
static bool is_stuck; /* it found no room, and was not told that there is some */

static char *value_of(const char *key)
{
    for (size_t i = 0; i < 32; i++)
        if (!strcmp(store[i].key, key))
            return store[i].value;
    return NULL;
}

static void put_value(const char *key, const char *value)
{
    for (size_t i = 0; i < 32; i++)
        if (!store[i].key[0] || !strcmp(store[i].key, key)) {
            strcpy(store[i].key, key), strcpy(store[i].value, value);
            return;
        }
}

static void reply(uint32_t type, uint32_t number, const void *content, size_t count)
{
    struct store_head head = {.type = type, .number = number, .bytes = (uint32_t)count};

    memcpy(pending + pending_bytes, &head, sizeof head);
    memcpy(pending + pending_bytes + sizeof head, content, count);
    pending_bytes += sizeof head + count;
}

/* What the message says of the key is not looked at: whoever waits reads what it waits for. */
static void tell_watch(void)
{
    reply(WATCH_EVENT, 0, "any/key\0key", sizeof "any/key\0key");
}

static void write_value(const char *key, const char *value)
{
    printf("%s = %s\n", key, value);
    put_value(key, value);
    if (strcmp(key, "device/vif/0/state") || plays("stays apart"))
        return;
    put_value(BACK "/state", "4");
    tell_watch();
}

static void answer_store(struct store_head head, const char *key)
{
    char value[80] = "", *found;
    size_t at = strlen(key) + 1;

    memcpy(value, key + at, head.bytes - at);
    if (head.type == READ && (found = value_of(key)))
        reply(READ, head.number, found, strlen(found));
    else if (head.type == READ)
        reply(ERROR, head.number, "ENOENT", 7);
    else if (head.type == WRITE && plays("writes nothing"))
        reply(ERROR, head.number, "EACCES", 7);
    else {
        reply(head.type, head.number, "OK", 3);
        if (head.type == WRITE)
            write_value(key, value);
        if (head.type == WATCH && !strcmp(key, "control/shutdown") && plays("asked early"))
            put_value(key, "poweroff");
        for (int more = plays("much news") ? 40 : 1; head.type == WATCH && more > 0; more--)
            tell_watch();
    }
}

static size_t some(void)
{
    return (size_t)rand() % 60 + 1;
}

static void take_asked(void)
{
    struct store_head head;

    for (size_t most = some(); most && page.requests_taken != page.requests_put; most--)
        asked[asked_bytes++] = page.requests[page.requests_taken++ % RING];
    memcpy(&head, asked, sizeof head);
    if (asked_bytes < sizeof head || asked_bytes < sizeof head + head.bytes)
        return;
    answer_store(head, (const char *)asked + sizeof head);
    asked_bytes = 0;
}

static bool serve_store(void)
{
    bool is_fast = plays("much news") || plays("asked early");
    uint32_t before = page.requests_taken;

    take_asked();
    for (size_t most = is_fast ? sizeof pending : some(); most && pending_sent < pending_bytes; most--) {
        if ((is_stuck |= page.replies_put - page.replies_taken == RING))
            return page.replies_taken != page.replies_put;
        page.replies[page.replies_put++ % RING] = pending[pending_sent++];
    }
    return before != page.requests_taken || page.replies_put != page.replies_taken;
}

/* --- the console's reader --------------------------------------------------------------------- */

static struct {
    uint8_t in[RING], out[2 * RING];
    uint32_t in_taken, in_put, out_taken, out_put;
} console __attribute__((aligned(PAGE)));
static char heard[8192];
static size_t heard_bytes;

static bool read_console(void)
{
    for (size_t most = some(); most && console.out_taken != console.out_put; most--)
        heard[heard_bytes++] = (char)console.out[console.out_taken++ % sizeof console.out];
    return true;
}

/* --- the back -------------------------------------------------------------------------------- */

static const uint8_t *pages[200];
static bool is_read_only[200];
static uint32_t granted = 8, told;
static uint32_t sends_taken, receives_taken;

static uint8_t *ring_of(const char *key)
{
    char path[80];

    snprintf(path, sizeof path, "device/vif/0/%s", key);
    return (uint8_t *)pages[atoi(value_of(path))];
}

static uint32_t *counts_of(uint8_t *ring) /* requests, their event, responses, their event */
{
    return (uint32_t *)ring;
}

/* Take a frame that was sent, if there is one, and give its bytes; it goes back to the front at once or never. */
static size_t take_sent(uint8_t *frame, bool gives_back)
{
    uint8_t *ring = ring_of("tx-ring-ref"), *entry = ring + HEAD + sends_taken % ENTRIES * SEND_ENTRY;
    struct { uint32_t grant; uint16_t offset, flags, buffer, bytes; } request;
    struct { uint16_t buffer; int16_t status; } response;

    if (counts_of(ring)[0] == sends_taken)
        return 0;
    memcpy(&request, entry, sizeof request);
    require(request.flags == 0 && request.offset + request.bytes <= PAGE, "a request to send");
    require(is_read_only[request.grant], "that what is sent cannot be written");
    memcpy(frame, pages[request.grant] + request.offset, request.bytes);
    sends_taken++;
    counts_of(ring)[1] = sends_taken + 1;
    response.buffer = request.buffer, response.status = 0;
    if (gives_back) {
        memcpy(entry, &response, sizeof response);
        require(counts_of(ring)[3] == 0, "that nobody is told of what was sent");
        counts_of(ring)[2]++;
    }
    return request.bytes;
}

struct given {
    uint16_t buffer, offset, flags;
    int16_t bytes;
};

/* Give the front a frame; `change` makes of the response what it is not, where it is not 0. */
static void give(const uint8_t *frame, size_t count, struct given change)
{
    uint8_t *ring = ring_of("rx-ring-ref"), *entry = ring + HEAD + receives_taken++ % ENTRIES * RECEIVE_ENTRY;
    struct { uint16_t buffer, unused; uint32_t grant; } request;
    struct given response = {.offset = change.offset, .flags = change.flags, .bytes = (int16_t)count};

    require(counts_of(ring)[0] - receives_taken < ENTRIES, "that there is a buffer");
    memcpy(&request, entry, sizeof request);
    require(!is_read_only[request.grant], "that what is received can be written");
    if (change.offset + count <= PAGE)
        memcpy((uint8_t *)pages[request.grant] + change.offset, frame, count);
    response.buffer = change.buffer ? change.buffer : request.buffer;
    response.bytes = change.bytes ? change.bytes : response.bytes;
    memcpy(entry, &response, sizeof response);
    counts_of(ring)[1] = receives_taken + 1;
    counts_of(ring)[2]++;
}

/* --- what the front calls --------------------------------------------------------------------- */

uint64_t now_ns(void)
{
    return time_ns;
}

uint64_t parameter(enum parameter number)
{
    switch (number) {
    case STORE_FRAME:
        return (uintptr_t)&page / PAGE;
    case CONSOLE_FRAME:
        return (uintptr_t)&console / PAGE;
    default:
        return number == STORE_CHANNEL ? STORE : CONSOLE;
    }
}

uint32_t open_channel(uint16_t domain)
{
    require(domain == 3, "that the back's domain may connect");
    return VIF;
}

void open_grants(void)
{
}

uint32_t grant(uint16_t domain, const void *memory, bool only_read)
{
    require(domain == 3, "that the back's domain may have the page");
    pages[granted] = (const uint8_t *)((uintptr_t)memory / PAGE * PAGE);
    is_read_only[granted] = only_read;
    return granted++;
}

void tell(uint32_t channel)
{
    told += channel == VIF;
    is_stuck &= channel == VIF;
}

void await_events(const uint32_t *channels, size_t count, uint64_t until_ns)
{
    bool awaits_store = channels[count - 1] == STORE;

    require(awaits_store || channels[0] == CONSOLE, "that what is awaited can come");
    if (count == 2) /* nobody tells it again of what it was told while it waited for something else */
        require(channels[0] == VIF && page.replies_put == page.replies_taken, "that it sleeps when all is read");
    if (awaits_store && !plays("silent xenstore") && serve_store())
        return;
    if (!awaits_store && !plays("stuck console") && read_console())
        return;
    if (!strcmp(value_of(BACK "/state"), "1")) {
        put_value(BACK "/state", "2");
        tell_watch();
    } else
        time_ns = until_ns;
}

_Noreturn void give_up(const char *why, const char *detail)
{
    printf("gave up: %s%s\n", why, detail);
    exit(0);
}

_Noreturn void end_domain(enum reason reason)
{
    printf("ended: %d\n", reason);
    exit(0);
}

/* --- the scenarios ---------------------------------------------------------------------------- */

static size_t any_frame(uint8_t *frame)
{
    size_t count = (size_t)rand() % FRAME_BYTES + 1;

    for (size_t i = 0; i < count; i++)
        frame[i] = (uint8_t)rand();
    return count;
}

static void pass_frames(void)
{
    uint8_t frame[FRAME_BYTES], got[PAGE];

    for (int round = 0; round < 2000; round++) {
        size_t count = any_frame(frame);
        uint32_t before = told;

        require(send_by_vif(frame, count) && told == before + 1, "that it sends, and tells");
        require(take_sent(got, true) == count && !memcmp(frame, got, count), "that the frame is sent");
        require(receive_by_vif(got) == 0, "that nothing comes from nowhere");
        require(counts_of(ring_of("rx-ring-ref"))[3] == receives_taken + 1, "that it will be told of the next");
        give(frame, count, (struct given){.offset = (uint16_t)(rand() % 3 * 2)});
        require(receive_by_vif(got) == count && !memcmp(frame, got, count), "that the frame comes");
    }
}

static void fill(void)
{
    uint8_t frame[FRAME_BYTES] = {1}, got[PAGE];

    for (int i = 0; i < BUFFERS; i++, frame[59]++)
        require(send_by_vif(frame, 60), "that it has a buffer");
    require(!send_by_vif(frame, 60), "that it has no more");
    require(told == 2, "that the back is told of the first only"); /* and, before, that it is there */
    for (int i = 0; i < BUFFERS; i++)
        require(take_sent(got, i == 7) == 60 && got[59] == i, "that all are sent, each its own");
    require(send_by_vif(frame, 60) && !send_by_vif(frame, 60), "that the one that came back is used again");
    require(!send_by_vif(frame, FRAME_BYTES + 1), "that it does not send what is too long");
}

static void give_odd_ones(void)
{
    static const struct given odd[] = {
        {.bytes = -1}, {.bytes = FRAME_BYTES + 1}, {.offset = PAGE - 59}, {.offset = 65535}, {.flags = 4}, {.flags = 8},
    };
    uint8_t frame[FRAME_BYTES] = {1}, *got = malloc(FRAME_BYTES);

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        give(frame, 60, odd[i]);
        require(receive_by_vif(got) == 1, "that what is no whole frame is none that anybody understands");
    }
    give(frame, 60, (struct given){.flags = 1 | 2});
    require(receive_by_vif(got) == 60, "that a frame still comes");
    free(got);
}

/* Ask as Xen's tools do, and have the guest sleep until it has heard. */
static void ask_to(const char *what)
{
    put_value("control/shutdown", what);
    tell_watch();
    while (pending_sent < pending_bytes)
        serve_store();
    xen.sleep();
}

static void talk(void)
{
    char text[5001];

    for (size_t i = 0; i < 5000; i++)
        text[i] = (char)('a' + rand() % 26);
    text[5000] = 0;
    open_xen_console();
    xen.write("");
    xen.write(text);
    finish_xen_console();
    require(plays("stuck console") || (heard_bytes == 5000 && !memcmp(heard, text, 5000)), "that all is read");
    require(time_ns < 3000000000u, "that it holds nothing up");
    xen.stop();
}

static void time_sleep(void)
{
    uint64_t before_ns = time_ns;

    xen.wake_up_soon();
    xen.sleep();
    require(time_ns == before_ns + 50000000, "that it sleeps for 50 ms");
    xen.sleep();
    require(time_ns == NEVER, "that it sleeps for ever");
}

int main(int count, char **words)
{
    uint8_t mac[MAC_BYTES], frame[FRAME_BYTES] = {0};

    scenario = count > 1 ? words[1] : "";
    if (plays("unplugged"))
        strcpy(store[0].key, "elsewhere");
    if (plays("without a MAC"))
        strcpy(value_of("device/vif/0/mac"), "00:16:3e");
    if (plays("talks") || plays("stuck console"))
        talk();
    xen.start(mac);
    printf("connected: %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    require(!strcmp(value_of("device/vif/0/state"), "4"), "that it is connected");
    if (plays("frames"))
        pass_frames();
    if (plays("full"))
        fill();
    if (plays("odd ones"))
        give_odd_ones();
    if (plays("a stranger")) {
        give(frame, 60, (struct given){.buffer = BUFFERS});
        receive_by_vif(frame);
    }
    if (plays("asked early"))
        xen.sleep();
    if (plays("sleeps"))
        time_sleep();
    if (plays("poweroff") || plays("halt") || plays("reboot") || plays("suspend"))
        ask_to(scenario);
    return 0;
}
