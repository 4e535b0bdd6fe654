/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings by which Xen's domains talk, in memory that both have: of bytes (of the console and of xenstore), and of
 * requests and their responses (of devices). Pure but for that memory. All counts run on for ever, and wrap at 2^32.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was written before is there for the other side before what is written, or read, after. */
static inline void order_memory(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A ring of bytes: `size`, a power of two, and how many were ever put in and taken out. */
struct byte_ring {
    volatile uint8_t *bytes;
    uint32_t size;
    volatile uint32_t *put, *taken;
};

/* These put, or take, as many of `count` bytes as there is room, or bytes, for; and give how many. */
size_t put_bytes(const struct byte_ring *ring, const void *from, size_t count);
size_t take_bytes(const struct byte_ring *ring, void *to, size_t count);

/* io/ring.h: how a ring of requests and responses begins. Each side is told once its count has passed `…_event`. */
struct ring {
    uint32_t requests, request_event, responses, response_event;
    uint8_t unused[48];
};

/* Hands over all requests up to the count `made`; gives whether the other side must be told. */
bool hand_over(volatile struct ring *ring, uint32_t made);

/* Gives whether there are responses beyond the count `seen`. */
bool has_response(volatile struct ring *ring, uint32_t seen);

/* Has the other side tell of the next one. It may be there already, untold: look once more before sleeping. */
void be_told_of_next(volatile struct ring *ring, uint32_t seen);

#endif
