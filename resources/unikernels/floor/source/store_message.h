/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from xenstore (io/xs_wire.h). Pure. */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum store_type { READ = 2, WATCH = 4, WRITE = 11, WATCH_EVENT = 15, ERROR = 16 };

#define MESSAGE_BYTES 512

/* struct xsd_sockmsg: the header of a message; `bytes` follow. */
struct store_head {
    uint32_t type, number, transaction, bytes;
};

/*
 * Writes a request of `type` for `folder`/`key`, followed by `value`: the value to write, or the token of a watch.
 * `message` has space for MESSAGE_BYTES. Returns its bytes; 0: they would be more.
 */
size_t store_message(enum store_type type, uint32_t number, const char *folder, const char *key, const char *value,
                     uint8_t *message);

#endif
