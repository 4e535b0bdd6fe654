/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings by which Xen's domains communicate, in shared memory: of bytes (console, xenstore), and of requests and
 * their responses (devices). Pure except for that memory. All counts increase forever, and wrap at 2^32.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Earlier writes are visible to the other side before later writes or reads. */
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

/* These put or take as many of `count` bytes as possible, and return how many. */
size_t put_bytes(const struct byte_ring *ring, const void *from, size_t count);
size_t take_bytes(const struct byte_ring *ring, void *to, size_t count);

/* io/ring.h: the head of a ring of requests and responses. A side is notified when its count passes `…_event`. */
struct ring {
    uint32_t requests, request_event, responses, response_event;
    uint8_t unused[48];
};

/* Hands over all requests up to the count `made`; returns whether the other side must be notified. */
bool hand_over(volatile struct ring *ring, uint32_t made);

/* Returns whether there are responses beyond the count `seen`. */
bool has_response(volatile struct ring *ring, uint32_t seen);

/* Requests a notification of the next response. It may exist already: check once more before sleeping. */
void be_told_of_next(volatile struct ring *ring, uint32_t seen);

#endif
