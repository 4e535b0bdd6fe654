/* SPDX-License-Identifier: Apache-2.0
 *
 * Incremental parsers of HTTP/1.1 responses and of RESP replies. Pure functions of the bytes that
 * they are fed, in pieces of any size; what they do not understand completely is PARSED_BAD.
 */
#ifndef REPLIES_H
#define REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol { HTTP, RESP };
enum parsed { PARSED_MORE, PARSED_DONE, PARSED_BAD };
enum { LINE_KEPT = 256, NESTED_MOST = 8 };

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
    uint64_t left;        /* of the body, chunk or bulk string */
    uint32_t line_bytes;  /* of the current line, so far */
    uint32_t lines_bytes; /* of the header so far; bounded */
    bool has_length, is_chunked;
    int nested;
    uint32_t items[NESTED_MOST]; /* of the arrays that have begun, still to come */
    char last, line[LINE_KEPT];  /* the line's last byte so far, and how it begins */
};

/* Begin a response; `without_body`: it answers HEAD. */
void parser_begin(struct parser *parser, enum protocol protocol, bool without_body,
                  bool with_crc32);

/* Feed bytes; `used` says how many belong to this response: all of them unless it is done. */
enum parsed parser_feed(struct parser *parser, const char *bytes, size_t count, size_t *used);

/* The connection ended: PARSED_DONE if this ends the response, otherwise PARSED_BAD. */
enum parsed parser_end(const struct parser *parser);

#endif
