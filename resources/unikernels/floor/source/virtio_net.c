/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio network card on PCI, by the legacy interface, which every QEMU offers in addition to the new one.
 * See the chapters "Legacy Interface" of https://docs.oasis-open.org/virtio/virtio/v1.1/virtio-v1.1.html.
 * Physical addresses are pointers here: there is no paging.
 */
#include "virtio_net.h"

#include "bytes.h"
#include "console.h"
#include "pci.h"
#include "ports.h"

enum {
    VENDOR = 0x1af4, NETWORK_CARD = 0x1000, NEW_NETWORK_CARD = 0x1041,
    /* The card's registers, from its base on. */
    OFFERED = 0, TAKEN = 4, QUEUE_PAGE = 8, QUEUE_SIZE = 12, QUEUE = 14, NOTIFY = 16, STATUS = 18, INTERRUPT = 19,
    MAC = 20,
    KNOWN = 1, DRIVEN = 2, READY = 4, /* of STATUS */
    HAS_MAC = 1 << 5,
    RECEIVE = 0, SEND = 1, /* queues */
    PAGE = 4096,
    MOST_ENTRIES = 256, /* QEMU's number; with this interface, the card chooses it */
    NEXT = 1, CARD_WRITES = 2, /* flags of a descriptor */
    NO_INTERRUPT = 1,
    HEADER_BYTES = 10,
    BUFFERS = 32, /* each direction; each takes two descriptors: old cards need header and frame apart */
};

struct part {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

struct offers {
    uint16_t flags, index, heads[MOST_ENTRIES];
};

struct done {
    uint32_t head, bytes;
};

struct returns {
    uint16_t flags, index;
    struct done done[MOST_ENTRIES];
};

/*
 * The offsets within a queue follow from its size, which the card chooses: descriptors, available ring, and on the next
 * page the used ring. The memory is for the largest size.
 */
struct queue {
    uint8_t memory[4 * PAGE] __attribute__((aligned(PAGE)));
    struct part *parts;
    volatile struct offers *offers;
    volatile struct returns *returns;
    uint16_t entries, seen;
};

static struct queue queues[2];
static uint8_t headers[2][BUFFERS][HEADER_BYTES];
static uint8_t frames[2][BUFFERS][FRAME_BYTES];
static bool is_sent[BUFFERS];
static uint16_t base;
static uint8_t line;

/* Earlier writes are visible to the card, and what it wrote is read again. */
static void settle(void)
{
    __asm__ volatile("" : : : "memory");
}

static void lay_out(struct queue *queue, uint16_t entries)
{
    size_t offers = entries * sizeof(struct part), end = offers + sizeof(uint16_t) * (3u + entries);

    queue->entries = entries;
    queue->parts = (struct part *)queue->memory;
    queue->offers = (volatile struct offers *)(queue->memory + offers);
    queue->returns = (volatile struct returns *)(queue->memory + (end + PAGE - 1) / PAGE * PAGE);
}

static void start_queue(uint16_t number)
{
    uint16_t entries;

    out16(base + QUEUE, number);
    entries = in16(base + QUEUE_SIZE);
    if (entries < 2 * BUFFERS || entries > MOST_ENTRIES || entries & (entries - 1))
        give_up("the network card's queues have not 64 to 256 entries", "");
    lay_out(&queues[number], entries);
    out32(base + QUEUE_PAGE, (uint32_t)queues[number].memory / PAGE);
}

/* Describe a buffer to the card: a header, and a frame of `count` bytes. */
static void describe(uint16_t number, uint16_t buffer, size_t count, uint16_t flags)
{
    struct part *parts = &queues[number].parts[2 * buffer];

    parts[0] = (struct part){
        .address = (uint32_t)headers[number][buffer],
        .bytes = HEADER_BYTES,
        .flags = flags | NEXT,
        .next = (uint16_t)(2 * buffer + 1),
    };
    parts[1] = (struct part){
        .address = (uint32_t)frames[number][buffer], .bytes = (uint32_t)count, .flags = flags,
    };
}

static void offer(uint16_t number, uint16_t buffer)
{
    volatile struct offers *offers = queues[number].offers;

    offers->heads[offers->index % queues[number].entries] = (uint16_t)(2 * buffer);
    settle();
    offers->index++;
    settle();
}

static void notify(uint16_t number)
{
    out16(base + NOTIFY, number);
}

/* Return the next buffer that the card gives back, and its bytes; BUFFERS if there is none. */
static uint16_t returned(uint16_t number, uint32_t *bytes)
{
    struct queue *queue = &queues[number];
    struct done done;

    if (queue->returns->index == queue->seen)
        return BUFFERS;
    settle();
    done.head = queue->returns->done[queue->seen % queue->entries].head;
    done.bytes = queue->returns->done[queue->seen % queue->entries].bytes;
    queue->seen++;
    if (done.head >= 2 * BUFFERS || done.head & 1)
        give_up("the network card returned what it was not given", "");
    *bytes = done.bytes;
    return (uint16_t)(done.head / 2);
}

static void read_mac(uint8_t *mac)
{
    for (uint16_t i = 0; i < MAC_BYTES; i++)
        mac[i] = in8((uint16_t)(base + MAC + i));
}

static void find_card(void)
{
    uint32_t card = find_on_pci(VENDOR, NETWORK_CARD);

    if (!card)
        give_up(find_on_pci(VENDOR, NEW_NETWORK_CARD) ? "the network card has no legacy interface"
                                                      : "there is no virtio network card on PCI bus 0", "");
    base = ports_of(card);
    line = line_of(card);
    if (!base || line > 15)
        give_up("the firmware gave the network card no ports, or no interrupt", "");
}

void start_virtio(uint8_t *mac)
{
    find_card();
    out8(base + STATUS, 0);
    out8(base + STATUS, KNOWN);
    out8(base + STATUS, KNOWN | DRIVEN);
    if (!(in32(base + OFFERED) & HAS_MAC))
        give_up("the network card has no MAC address", "");
    out32(base + TAKEN, HAS_MAC);
    start_queue(RECEIVE);
    start_queue(SEND);
    queues[SEND].offers->flags = NO_INTERRUPT;
    for (uint16_t buffer = 0; buffer < BUFFERS; buffer++) {
        describe(RECEIVE, buffer, FRAME_BYTES, CARD_WRITES);
        offer(RECEIVE, buffer);
    }
    out8(base + STATUS, KNOWN | DRIVEN | READY);
    notify(RECEIVE);
    read_mac(mac);
}

uint8_t line_of_virtio(void)
{
    return line;
}

void quiet_virtio(void)
{
    in8(base + INTERRUPT); /* reading acknowledges it */
}

size_t receive_by_virtio(uint8_t *frame)
{
    uint32_t bytes;
    uint16_t buffer = returned(RECEIVE, &bytes);
    size_t count;

    if (buffer == BUFFERS)
        return 0;
    count = bytes > HEADER_BYTES ? bytes - HEADER_BYTES : 1; /* 1: an invalid frame, which is ignored */
    count = count > FRAME_BYTES ? FRAME_BYTES : count;
    memcpy(frame, frames[RECEIVE][buffer], count);
    offer(RECEIVE, buffer);
    notify(RECEIVE);
    return count;
}

static uint16_t free_buffer(void)
{
    uint32_t bytes;
    uint16_t buffer;

    while ((buffer = returned(SEND, &bytes)) < BUFFERS)
        is_sent[buffer] = false;
    for (buffer = 0; buffer < BUFFERS && is_sent[buffer]; buffer++)
        ;
    return buffer;
}

bool send_by_virtio(const uint8_t *frame, size_t count)
{
    uint16_t buffer = free_buffer();

    if (buffer == BUFFERS || count > FRAME_BYTES)
        return false;
    is_sent[buffer] = true;
    memcpy(frames[SEND][buffer], frame, count);
    describe(SEND, buffer, count, 0);
    offer(SEND, buffer);
    notify(SEND);
    return true;
}
