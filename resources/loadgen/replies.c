/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "replies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What comes next: up to BULK_END a line, from BODY on content. */
enum { STATUS_LINE, HEADER, CHUNK_SIZE, CHUNK_END, TRAILER, RESP_LINE, BULK_END, BODY, UNTIL_CLOSED,
       CHUNK, BULK };

#define BODY_MOST (UINT64_C(1) << 50) /* also where no length is known */
#define BULK_MOST (UINT64_C(512) << 20)
#define ITEMS_MOST (1u << 20)

static uint32_t crc32_of(uint32_t crc, const char *bytes, size_t count)
{
    static _Thread_local uint32_t table[256];
    for (uint32_t byte = 0; table[255] == 0; byte++) { /* not yet complete */
        table[byte] = byte;
        for (int bit = 0; bit < 8; bit++)
            table[byte] = table[byte] >> 1 ^ (table[byte] & 1 ? 0xedb88320 : 0);
    }
    for (crc = ~crc; count > 0; count--)
        crc = crc >> 8 ^ table[(crc ^ (uint8_t)*bytes++) & 255];
    return ~crc;
}

void parser_begin(struct parser *parser, enum protocol protocol, bool without_body, bool with_crc32)
{
    parser->reply = (struct reply){0};
    parser->without_body = without_body;
    parser->with_crc32 = with_crc32;
    parser->state = protocol == HTTP ? STATUS_LINE : RESP_LINE;
    parser->line_size = 0;
    parser->left = BODY_MOST;
    parser->is_chunked = false;
    parser->items = 1;
}

/* Collect a line that ends with CR LF. When it is done, it is a string without them. */
static enum parsed take_line(struct parser *parser, const char **at, const char *end)
{
    const char *found = memchr(*at, '\n', (size_t)(end - *at));
    size_t count = (size_t)((found ? found + 1 : end) - *at);
    if (count > LINE_MOST - parser->line_size)
        return PARSED_BAD;
    memcpy(parser->line + parser->line_size, *at, count);
    parser->line_size += count;
    *at += count;
    if (found == NULL)
        return PARSED_MORE;
    if (parser->line_size < 2 || parser->line[parser->line_size - 2] != '\r')
        return PARSED_BAD;
    parser->line_size -= 2;
    parser->line[parser->line_size] = '\0';
    return strlen(parser->line) == parser->line_size ? PARSED_DONE : PARSED_BAD;
}

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

static enum parsed header(struct parser *parser)
{
    char *name = parser->line, *colon = strchr(name, ':');
    if (colon == NULL || colon == name || strcspn(name, " \t") < (size_t)(colon - name))
        return PARSED_BAD;
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t"), *end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    if (strcasecmp(name, "content-length") == 0) {
        uint64_t before = parser->left;
        if (!number(value, BODY_MOST - 1, &parser->left) ||
            (before != BODY_MOST && parser->left != before))
            return PARSED_BAD;
    } else if (strcasecmp(name, "transfer-encoding") == 0) {
        if (strcasecmp(value, "chunked") != 0)
            return PARSED_BAD;
        parser->is_chunked = true;
    } else if (strcasecmp(name, "connection") == 0) {
        parser->reply.closes &= strcasestr(value, "keep-alive") == NULL;
        parser->reply.closes |= strcasestr(value, "close") != NULL;
    }
    return PARSED_MORE;
}

static enum parsed header_end(struct parser *parser)
{
    int status = parser->reply.status;
    bool has_length = parser->left != BODY_MOST;
    if (parser->is_chunked && has_length)
        return PARSED_BAD;
    if (status < 200) { /* an interim response; the one that counts follows */
        parser_begin(parser, HTTP, parser->without_body, parser->with_crc32);
        return status == 101 ? PARSED_BAD : PARSED_MORE;
    }
    if (parser->without_body || status == 204 || status == 304 || parser->left == 0)
        return PARSED_DONE;
    parser->state = parser->is_chunked ? CHUNK_SIZE : has_length ? BODY : UNTIL_CLOSED;
    parser->reply.closes |= parser->state == UNTIL_CLOSED;
    return PARSED_MORE;
}

static enum parsed chunk_size(struct parser *parser)
{
    size_t digits = strspn(parser->line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 15 || strchr("; \t", parser->line[digits]) == NULL)
        return PARSED_BAD;
    parser->left = strtoull(parser->line, NULL, 16);
    parser->state = parser->left == 0 ? TRAILER : CHUNK;
    return parser->left > BODY_MOST ? PARSED_BAD : PARSED_MORE;
}

/* A value of RESP is complete: so is the reply, unless it is in an array with others to come. */
static enum parsed item_end(struct parser *parser)
{
    parser->state = RESP_LINE;
    return --parser->items > 0 ? PARSED_MORE : PARSED_DONE;
}

static enum parsed resp_line(struct parser *parser)
{
    char type = parser->line[0];
    const char *rest = parser->line + 1;
    uint64_t value;
    parser->reply.is_error |= type == '-';
    if (type == '+' || type == '-')
        return item_end(parser);
    if (type == ':') {
        rest += *rest == '-' || *rest == '+';
        return number(rest, UINT64_MAX / 16, &value) ? item_end(parser) : PARSED_BAD;
    }
    if (type != '$' && type != '*')
        return PARSED_BAD;
    if (strcmp(rest, "-1") == 0) {
        parser->reply.is_nil = true;
        return item_end(parser);
    }
    if (!number(rest, type == '$' ? BULK_MOST : ITEMS_MOST - parser->items, &value))
        return PARSED_BAD;
    if (type == '*') {
        parser->items += (uint32_t)value;
        return item_end(parser);
    }
    parser->left = value;
    parser->state = value > 0 ? BULK : BULK_END;
    return PARSED_MORE;
}

static enum parsed line(struct parser *parser)
{
    bool is_empty = parser->line_size == 0;
    switch (parser->state) {
    case STATUS_LINE:
        return status_line(parser);
    case HEADER:
        return is_empty ? header_end(parser) : header(parser);
    case CHUNK_SIZE:
        return chunk_size(parser);
    case CHUNK_END:
        parser->state = CHUNK_SIZE;
        return is_empty ? PARSED_MORE : PARSED_BAD;
    case TRAILER:
        return is_empty ? PARSED_DONE : PARSED_MORE;
    case BULK_END:
        return is_empty ? item_end(parser) : PARSED_BAD;
    default:
        return resp_line(parser);
    }
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
    if (parser->state == BODY || parser->state == UNTIL_CLOSED)
        return parser->state == BODY ? PARSED_DONE : PARSED_BAD;
    parser->state = parser->state == CHUNK ? CHUNK_END : BULK_END;
    return PARSED_MORE;
}

enum parsed parser_feed(struct parser *parser, const char *bytes, size_t count, size_t *used)
{
    const char *at = bytes, *end = bytes + count;
    enum parsed parsed = PARSED_MORE;
    while (at < end && parsed == PARSED_MORE) {
        if (parser->state >= BODY) {
            parsed = content(parser, &at, end);
        } else if ((parsed = take_line(parser, &at, end)) == PARSED_DONE) {
            parsed = line(parser);
            parser->line_size = 0;
        }
    }
    *used = (size_t)(at - bytes);
    return parsed;
}

enum parsed parser_end(const struct parser *parser)
{
    return parser->state == UNTIL_CLOSED ? PARSED_DONE : PARSED_BAD;
}
