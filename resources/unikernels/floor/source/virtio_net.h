/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "packets.h"

/* These do what struct machine says. */
void start_virtio(uint8_t *mac);
size_t receive_by_virtio(uint8_t *frame);
bool send_by_virtio(const uint8_t *frame, size_t count);

/* Which interrupt line is the card's, and how its interrupt is taken back. */
uint8_t line_of_virtio(void);
void quiet_virtio(void);

#endif
