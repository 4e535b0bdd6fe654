/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "replies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { STATUS_LINE, HEADER, BODY, UNTIL_CLOSED, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };
enum { RESP_LINE = TRAILER + 1, BULK, BULK_END };

#define LINES_MOST (64u << 10)
#define BODY_MOST (UINT64_C(1) << 50)
#define BULK_MOST (UINT64_C(512) << 20)
#define ITEMS_MOST (UINT64_C(1) << 20)

static uint32_t crc32_of(uint32_t crc, const char *bytes, size_t count)
{
    static const uint32_t of_four_bits[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    for (crc = ~crc; count > 0; count--, bytes++) {
        crc ^= (uint8_t)*bytes;
        crc = crc >> 4 ^ of_four_bits[crc & 15];
        crc = crc >> 4 ^ of_four_bits[crc & 15];
    }
    return ~crc;
}

void parser_begin(struct parser *parser, enum protocol protocol, bool without_body, bool with_crc32)
{
    parser->reply = (struct reply){0};
    parser->without_body = without_body;
    parser->with_crc32 = with_crc32;
    parser->state = protocol == HTTP ? STATUS_LINE : RESP_LINE;
    parser->line_bytes = parser->lines_bytes = 0;
    parser->has_length = parser->is_chunked = false;
    parser->nested = 0;
}

/* Collect a line that ends with CR LF. When it is done, `line` is its beginning, a string, and
 * `line_bytes` how long it is in truth. */
static enum parsed take_line(struct parser *parser, const char **at, const char *end)
{
    const char *found = memchr(*at, '\n', (size_t)(end - *at));
    size_t count = (size_t)((found ? found + 1 : end) - *at), kept;
    char before = count > 1 ? (*at)[count - 2] : parser->last;

    if (count > LINES_MOST - parser->lines_bytes)
        return PARSED_BAD;
    if (parser->line_bytes < LINE_KEPT) {
        size_t room = LINE_KEPT - parser->line_bytes;
        memcpy(parser->line + parser->line_bytes, *at, count < room ? count : room);
    }
    parser->line_bytes += (uint32_t)count;
    parser->lines_bytes += (uint32_t)count;
    *at += count;
    if (found == NULL) {
        parser->last = end[-1];
        return PARSED_MORE;
    }
    if (parser->line_bytes < 2 || before != '\r')
        return PARSED_BAD;
    parser->line_bytes -= 2;
    kept = parser->line_bytes < LINE_KEPT ? parser->line_bytes : LINE_KEPT - 1;
    parser->line[kept] = '\0';
    return strlen(parser->line) == kept ? PARSED_DONE : PARSED_BAD;
}

static bool is_cut(const struct parser *parser) { return parser->line_bytes >= LINE_KEPT; }

/* Read a whole decimal number, at most `most`. */
static bool number(const char *text, uint64_t most, uint64_t *value)
{
    const char *at = text;

    for (*value = 0; *at >= '0' && *at <= '9' && *value <= most; at++)
        *value = *value * 10 + (uint64_t)(*at - '0');
    return at > text && *at == '\0' && *value <= most;
}

static enum parsed status_line(struct parser *parser)
{
    char *line = parser->line;
    uint64_t status;

    if ((strncmp(line, "HTTP/1.1 ", 9) != 0 && strncmp(line, "HTTP/1.0 ", 9) != 0) ||
        strlen(line) < 12 || (line[12] != ' ' && line[12] != '\0'))
        return PARSED_BAD;
    line[12] = '\0';
    if (!number(line + 9, 999, &status) || status < 100)
        return PARSED_BAD;
    parser->reply.status = (int)status;
    parser->reply.closes = line[7] == '0';
    parser->state = HEADER;
    return PARSED_MORE;
}

static enum parsed content_length(struct parser *parser, const char *value)
{
    uint64_t length;

    if (!number(value, BODY_MOST, &length) || (parser->has_length && length != parser->left))
        return PARSED_BAD;
    parser->has_length = true;
    parser->left = length;
    return PARSED_MORE;
}

static enum parsed header(struct parser *parser)
{
    char *colon = strchr(parser->line, ':'), *value, *end;

    if (colon == NULL)
        return PARSED_BAD;
    *colon = '\0';
    if (colon == parser->line || strpbrk(parser->line, " \t") != NULL)
        return PARSED_BAD;
    value = colon + 1 + strspn(colon + 1, " \t");
    for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
        ;
    *end = '\0';
    if (strcasecmp(parser->line, "content-length") == 0)
        return is_cut(parser) ? PARSED_BAD : content_length(parser, value);
    if (strcasecmp(parser->line, "transfer-encoding") == 0) {
        parser->is_chunked = true;
        return strcasecmp(value, "chunked") == 0 ? PARSED_MORE : PARSED_BAD;
    }
    if (strcasecmp(parser->line, "connection") == 0) {
        parser->reply.closes &= strcasestr(value, "keep-alive") == NULL;
        parser->reply.closes |= strcasestr(value, "close") != NULL;
        return is_cut(parser) ? PARSED_BAD : PARSED_MORE;
    }
    return PARSED_MORE;
}

static enum parsed header_end(struct parser *parser)
{
    int status = parser->reply.status;

    if (parser->is_chunked && parser->has_length)
        return PARSED_BAD;
    if (status < 200) { /* an interim response; the one that counts follows */
        parser_begin(parser, HTTP, parser->without_body, parser->with_crc32);
        return status == 101 ? PARSED_BAD : PARSED_MORE;
    }
    if (parser->without_body || status == 204 || status == 304)
        return PARSED_DONE;
    parser->lines_bytes = 0;
    if (parser->is_chunked) {
        parser->state = CHUNK_SIZE;
    } else if (parser->has_length) {
        parser->state = BODY;
        return parser->left == 0 ? PARSED_DONE : PARSED_MORE;
    } else {
        parser->reply.closes = true;
        parser->state = UNTIL_CLOSED;
        parser->left = BODY_MOST;
    }
    return PARSED_MORE;
}

static enum parsed chunk_size(struct parser *parser)
{
    size_t digits = strspn(parser->line, "0123456789abcdefABCDEF");

    if (digits == 0 || digits > 15 || strchr("; \t", parser->line[digits]) == NULL)
        return PARSED_BAD;
    parser->left = strtoull(parser->line, NULL, 16);
    parser->lines_bytes = 0;
    parser->state = parser->left == 0 ? TRAILER : CHUNK;
    return parser->left > BODY_MOST ? PARSED_BAD : PARSED_MORE;
}

/* A value of RESP is complete: so are the arrays that it ends. */
static enum parsed item_end(struct parser *parser)
{
    parser->state = RESP_LINE;
    parser->lines_bytes = 0;
    for (; parser->nested > 0; parser->nested--)
        if (--parser->items[parser->nested - 1] > 0)
            return PARSED_MORE;
    return PARSED_DONE;
}

static enum parsed resp_line(struct parser *parser)
{
    const char *rest = parser->line + 1;
    uint64_t value;

    switch (parser->line[0]) {
    case '+':
        return item_end(parser);
    case '-':
        parser->reply.is_error = true;
        return item_end(parser);
    case ':':
        rest += *rest == '-' || *rest == '+';
        return number(rest, UINT64_MAX / 16, &value) ? item_end(parser) : PARSED_BAD;
    case '$':
    case '*':
        break;
    default:
        return PARSED_BAD;
    }
    if (strcmp(rest, "-1") == 0) {
        parser->reply.is_nil = true;
        return item_end(parser);
    }
    if (!number(rest, parser->line[0] == '$' ? BULK_MOST : ITEMS_MOST, &value))
        return PARSED_BAD;
    if (parser->line[0] == '$') {
        parser->left = value;
        parser->state = value > 0 ? BULK : BULK_END;
        return PARSED_MORE;
    }
    if (value == 0)
        return item_end(parser);
    if (parser->nested == NESTED_MOST)
        return PARSED_BAD;
    parser->items[parser->nested++] = (uint32_t)value;
    parser->lines_bytes = 0;
    return PARSED_MORE;
}

static enum parsed line(struct parser *parser)
{
    bool is_empty = parser->line_bytes == 0;

    switch (parser->state) {
    case STATUS_LINE:
        return status_line(parser);
    case HEADER:
        return is_empty ? header_end(parser) : header(parser);
    case CHUNK_SIZE:
        return chunk_size(parser);
    case CHUNK_END:
        parser->state = CHUNK_SIZE;
        parser->lines_bytes = 0;
        return is_empty ? PARSED_MORE : PARSED_BAD;
    case TRAILER:
        return is_empty ? PARSED_DONE : PARSED_MORE;
    case BULK_END:
        return is_empty ? item_end(parser) : PARSED_BAD;
    default:
        return resp_line(parser);
    }
}

static bool in_content(const struct parser *parser)
{
    return parser->state == BODY || parser->state == UNTIL_CLOSED || parser->state == CHUNK ||
           parser->state == BULK;
}

static enum parsed content(struct parser *parser, const char **at, const char *end)
{
    size_t here = (size_t)(end - *at);
    size_t count = here < parser->left ? here : (size_t)parser->left;

    if (parser->with_crc32)
        parser->reply.crc32 = crc32_of(parser->reply.crc32, *at, count);
    parser->reply.length += count;
    parser->left -= count;
    *at += count;
    if (parser->left > 0)
        return PARSED_MORE;
    parser->lines_bytes = 0;
    if (parser->state == CHUNK)
        parser->state = CHUNK_END;
    else if (parser->state == BULK)
        parser->state = BULK_END;
    else
        return parser->state == BODY ? PARSED_DONE : PARSED_BAD;
    return PARSED_MORE;
}

enum parsed parser_feed(struct parser *parser, const char *bytes, size_t count, size_t *used)
{
    const char *at = bytes, *end = bytes + count;
    enum parsed parsed = PARSED_MORE;

    while (at < end && parsed == PARSED_MORE) {
        if (in_content(parser)) {
            parsed = content(parser, &at, end);
        } else {
            parsed = take_line(parser, &at, end);
            if (parsed == PARSED_DONE) {
                parsed = line(parser);
                parser->line_bytes = 0;
            }
        }
    }
    *used = (size_t)(at - bytes);
    return parsed;
}

enum parsed parser_end(const struct parser *parser)
{
    return parser->state == UNTIL_CLOSED ? PARSED_DONE : PARSED_BAD;
}
