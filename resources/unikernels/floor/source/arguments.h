/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdint.h>

#define NONCE_BYTES 64

/* IPv4 addresses are numbers: 198.18.0.1 is 0xc6120001. Without `port`, nothing is sent. */
struct arguments {
    uint32_t address;
    uint32_t mask;
    uint32_t gateway;
    uint32_t target;
    uint16_t port;
    uint16_t nonce_bytes;
    char nonce[NONCE_BYTES];
};

/*
 * Reads `address=A.B.C.D/PREFIX gateway=A.B.C.D target=A.B.C.D:PORT nonce=TEXT`, words in any order. Only the address
 * is required; a target needs a nonce. Returns NULL, or what is wrong with the line.
 */
const char *read_arguments(const char *line, struct arguments *found);

#endif
