/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "packets.h"

/* See struct machine. */
void start_virtio(uint8_t *mac);
size_t receive_by_virtio(uint8_t *frame);
bool send_by_virtio(const uint8_t *frame, size_t count);

/* The card's interrupt line, and how to acknowledge its interrupt. */
uint8_t line_of_virtio(void);
void quiet_virtio(void);

#endif
