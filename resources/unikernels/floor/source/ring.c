/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

/* Return how many bytes are in a ring; invalid values of the other side count as a full one. */
static uint32_t used(const struct byte_ring *ring)
{
    uint32_t bytes = *ring->put - *ring->taken;

    return bytes > ring->size ? ring->size : bytes;
}

size_t put_bytes(const struct byte_ring *ring, const void *from, size_t count)
{
    size_t room = ring->size - used(ring);
    uint32_t at = *ring->put;

    count = count > room ? room : count;
    order_memory(); /* they are read before they are overwritten */
    for (size_t i = 0; i < count; i++)
        ring->bytes[(at + i) % ring->size] = ((const uint8_t *)from)[i];
    order_memory();
    *ring->put = at + (uint32_t)count;
    return count;
}

size_t take_bytes(const struct byte_ring *ring, void *to, size_t count)
{
    size_t there = used(ring);
    uint32_t at = *ring->taken;

    count = count > there ? there : count;
    order_memory();
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)to)[i] = ring->bytes[(at + i) % ring->size];
    order_memory();
    *ring->taken = at + (uint32_t)count;
    return count;
}

bool hand_over(volatile struct ring *ring, uint32_t made)
{
    uint32_t before = ring->requests;

    order_memory();
    ring->requests = made;
    order_memory();
    /* Whether the event's count is among the new ones, even if they wrap. */
    return made - ring->request_event < made - before;
}

bool has_response(volatile struct ring *ring, uint32_t seen)
{
    bool is_there = ring->responses != seen;

    order_memory();
    return is_there;
}

void be_told_of_next(volatile struct ring *ring, uint32_t seen)
{
    ring->response_event = seen + 1;
    order_memory();
}
