/* SPDX-License-Identifier: Apache-2.0 */
#include "store_message.h"

#include "bytes.h"

/* What has been written so far; once something did not fit, `bytes` stays above MESSAGE_BYTES. */
struct message {
    uint8_t *at;
    size_t bytes;
};

static void put_byte(struct message *message, char byte)
{
    if (message->bytes < MESSAGE_BYTES)
        message->at[message->bytes] = (uint8_t)byte;
    message->bytes++;
}

static void put_text(struct message *message, const char *text)
{
    while (*text)
        put_byte(message, *text++);
}

size_t store_message(enum store_type type, uint32_t number, const char *folder, const char *key, const char *value,
                     uint8_t *message)
{
    struct message written = {.at = message, .bytes = sizeof(struct store_head)};
    struct store_head head = {.type = type, .number = number};

    put_text(&written, folder);
    put_byte(&written, '/');
    put_text(&written, key);
    put_byte(&written, '\0');
    put_text(&written, value);
    if (type == WATCH)
        put_byte(&written, '\0');
    head.bytes = (uint32_t)(written.bytes - sizeof head);
    memcpy(message, &head, sizeof head);
    return written.bytes > MESSAGE_BYTES ? 0 : written.bytes;
}
