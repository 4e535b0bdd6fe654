/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include "text.h"

#include <stddef.h>

static bool ends_word(char c)
{
    return c == '\0' || c == ' ';
}

static bool read_address(const char **at, uint32_t *found)
{
    uint32_t value = 0, part;

    for (int i = 0; i < 4; i++) {
        if ((i && !skip(at, ".")) || !read_number(at, 255, &part))
            return false;
        value = value << 8 | part;
    }
    *found = value;
    return true;
}

static bool read_own_address(const char **at, struct arguments *found)
{
    uint32_t prefix;

    if (!read_address(at, &found->address) || !skip(at, "/") || !read_number(at, 32, &prefix))
        return false;
    /* A shift by 32 is undefined; only a prefix of 0 would need one. */
    found->mask = prefix ? ~(uint32_t)0 << (32 - prefix) : 0;
    return true;
}

static bool read_target(const char **at, struct arguments *found)
{
    uint32_t port;

    if (!read_address(at, &found->target) || !skip(at, ":") || !read_number(at, 65535, &port))
        return false;
    found->port = (uint16_t)port;
    return port != 0;
}

static bool read_nonce(const char **at, struct arguments *found)
{
    size_t count = 0;

    for (; !ends_word(**at) && count < NONCE_BYTES; (*at)++)
        found->nonce[count++] = **at;
    found->nonce_bytes = (uint16_t)count;
    return count > 0;
}

static bool read_word(const char **at, struct arguments *found)
{
    if (skip(at, "address="))
        return read_own_address(at, found);
    if (skip(at, "gateway="))
        return read_address(at, &found->gateway);
    if (skip(at, "target="))
        return read_target(at, found);
    return skip(at, "nonce=") && read_nonce(at, found);
}

const char *read_arguments(const char *line, struct arguments *found)
{
    *found = (struct arguments){0};
    while (*line) {
        if (skip(&line, " "))
            continue;
        if (!read_word(&line, found) || !ends_word(*line))
            return "address=A.B.C.D/PREFIX [gateway=A.B.C.D] [target=A.B.C.D:PORT nonce=TEXT] is expected";
    }
    if (!found->address)
        return "there is no address=A.B.C.D/PREFIX";
    if (!found->port != !found->nonce_bytes)
        return "target= and nonce= come together";
    return NULL;
}
