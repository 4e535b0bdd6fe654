/* SPDX-License-Identifier: Apache-2.0
 *
 * Incremental parsers of HTTP/1.1 responses and of RESP replies. Pure functions of the bytes that
 * they are fed, in pieces of any size; what they do not understand completely is PARSED_BAD.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol { HTTP, RESP };
enum parsed { PARSED_MORE, PARSED_DONE, PARSED_BAD };
enum { LINE_MOST = 8192 };

/* What a response was. */
struct reply {
    int status;      /* of HTTP */
    uint64_t length; /* of the body, or of all bulk strings together */
    uint32_t crc32;  /* of the same bytes, if it was asked for */
    bool is_error;   /* RESP has an error reply in it */
    bool is_nil;     /* RESP's null */
    bool closes;     /* the connection ends with it */
};

struct parser {
    bool without_body, with_crc32;
    struct reply reply;
    int state;
    uint64_t left; /* of the body, chunk or bulk string */
    bool is_chunked;
    uint32_t items;   /* of RESP, still to come, with those of nested arrays */
    size_t line_size; /* of the current line, so far */
    char line[LINE_MOST];
};

/* Begin a response; `without_body`: it answers HEAD. */
void parser_begin(struct parser *parser, enum protocol protocol, bool without_body,
                  bool with_crc32);

/* Feed bytes; `used` says how many belong to this response: all of them unless it is done. */
enum parsed parser_feed(struct parser *parser, const char *bytes, size_t count, size_t *used);

/* The connection ended: PARSED_DONE if this ends the response, otherwise PARSED_BAD. */
enum parsed parser_end(const struct parser *parser);
