/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_BYTES 6
#define FRAME_BYTES 1514 /* an Ethernet frame without its check sequence */

/* The guest's own addresses. IPv4 addresses are numbers, as in arguments.h. */
struct station {
    uint8_t mac[MAC_BYTES];
    uint32_t address;
};

/* The Internet checksum (RFC 1071) of `count` bytes, at most 64 KiB; 0 if the bytes include a correct one. */
uint16_t checksum(const uint8_t *bytes, size_t count);

/*
 * Writes the answer to a frame to `reply`, and returns its bytes; 0 if there is none. An ARP request for the guest's
 * address and an ICMP echo request to it are answered. `reply` has space for FRAME_BYTES.
 */
size_t answer(const struct station *us, const uint8_t *frame, size_t count, uint8_t *reply);

/* Whether a frame is ARP and has the MAC of `address`, which is then written to `mac`. */
bool tells_mac(const uint8_t *frame, size_t count, uint32_t address, uint8_t *mac);

/* Writes the ARP request for `address`, and returns its bytes. */
size_t ask_for_mac(const struct station *us, uint32_t address, uint8_t *frame);

/* Where a datagram goes; `mac` is that of the next hop. */
struct destination {
    uint8_t mac[MAC_BYTES];
    uint32_t address;
    uint16_t port;
};

/* Writes a UDP datagram with `count` bytes of `content`, and returns its bytes; 0 if they do not fit. */
size_t datagram(const struct station *us, const struct destination *to, const void *content, size_t count,
                uint8_t *frame);

#endif
