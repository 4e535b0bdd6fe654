/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MOST (UINT64_C(64) << 20)

static const char RANDOM[] = "{random}", MARK[] = "\1\2\1\2\1\2\1\2\1\2\1\2";

/* What has been read of the kind that is being described; its texts stay until the end. */
static struct {
    struct request request;
    char *method, *path, *headers, *body;
    size_t headers_size, body_size;
    char *arguments; /* of RESP, encoded */
    size_t arguments_size;
    unsigned argument_count;
} draft;

static void append(char **text, size_t *size, const void *more, size_t count)
{
    *text = enough(*text, *size + count + 1);
    memcpy(*text + *size, more, count);
    *size += count;
    (*text)[*size] = '\0';
}

/* Return a number as the value of `name`. */
static uint64_t whole(const char *name, const char *text, uint64_t most)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > most)
        usage("%s is \"%s\": it must be a whole number up to %llu", name, text,
              (unsigned long long)most);
    return value;
}

/* Return a text with a mark of twelve bytes for each "{random}". */
static char *with_marks(const char *text, size_t *size)
{
    char *marked = NULL;
    const char *found;

    for (*size = 0; (found = strstr(text, RANDOM)) != NULL; text = found + sizeof RANDOM - 1) {
        append(&marked, size, text, (size_t)(found - text));
        append(&marked, size, MARK, RANDOM_DIGITS);
    }
    append(&marked, size, text, strlen(text));
    return marked;
}

/* Note where the marks are. */
static void find_marks(struct request *request)
{
    char *at = request->bytes, *end = request->bytes + request->size;

    while ((at = memmem(at, (size_t)(end - at), MARK, RANDOM_DIGITS)) != NULL) {
        if (request->randoms == RANDOM_MOST)
            usage("a request has at most %d times %s", RANDOM_MOST, RANDOM);
        request->random_at[request->randoms++] = (size_t)(at - request->bytes);
        memset(at, '0', RANDOM_DIGITS);
    }
}

static void begin_kind(const char *name_and_weight)
{
    struct request *request = &draft.request;
    char more;

    if (sscanf(name_and_weight, "%31[^ \"\\] %lf%c", request->name, &request->weight, &more) != 2 ||
        !(request->weight > 0 && request->weight <= 1e9))
        usage("request is \"%s\": it must be NAME WEIGHT, of at most %d characters and above 0",
              name_and_weight, NAME_MOST - 1);
}

static void finish_http(struct request *request, const char *host)
{
    char length[48] = "\r\n";
    const char *parts[] = {draft.method ? draft.method : "GET",
                           " ",
                           draft.path ? draft.path : "/",
                           " HTTP/1.1\r\nHost: ",
                           host,
                           "\r\n",
                           draft.headers ? draft.headers : "",
                           length};

    if (draft.body != NULL)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", draft.body_size);
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++)
        append(&request->bytes, &request->size, parts[at], strlen(parts[at]));
    if (draft.body != NULL)
        append(&request->bytes, &request->size, draft.body, draft.body_size);
    request->without_body = strcmp(parts[0], "HEAD") == 0;
    if (request->status == 0)
        request->status = 200;
}

static void finish_resp(struct request *request)
{
    char count[24];

    if (draft.argument_count == 0)
        usage("request %s has no argument", request->name);
    snprintf(count, sizeof count, "*%u\r\n", draft.argument_count);
    append(&request->bytes, &request->size, count, strlen(count));
    append(&request->bytes, &request->size, draft.arguments, draft.arguments_size);
}

static void finish_kind(struct requests *requests)
{
    if (requests->count == KINDS_MOST)
        usage("there are more than %d kinds of requests", KINDS_MOST);
    if (draft.request.name[0] == '\0') {
        strcpy(draft.request.name, "request");
        draft.request.weight = 1;
    }
    if (draft.request.keys == 0)
        draft.request.keys = 1;
    if (requests->protocol == HTTP)
        finish_http(&draft.request, requests->host);
    else
        finish_resp(&draft.request);
    find_marks(&draft.request);
    for (int at = 0; at < requests->count; at++)
        if (strcmp(requests->kinds[at].name, draft.request.name) == 0)
            usage("two kinds of requests are named %s", draft.request.name);
    requests->kinds[requests->count++] = draft.request;
    memset(&draft, 0, sizeof draft);
}

static void add_argument(const char *text, size_t size)
{
    char length[24];

    snprintf(length, sizeof length, "$%zu\r\n", size);
    append(&draft.arguments, &draft.arguments_size, length, strlen(length));
    append(&draft.arguments, &draft.arguments_size, text, size);
    append(&draft.arguments, &draft.arguments_size, "\r\n", 2);
    draft.argument_count++;
}

/* Return `count` bytes of x. */
static char *filler(const char *name, const char *count, size_t *size)
{
    char *bytes;

    *size = whole(name, count, BYTES_MOST);
    bytes = enough(NULL, *size + 1);
    memset(bytes, 'x', *size);
    return bytes;
}


static bool http_line(const char *name, const char *value)
{
    char **texts[] = {&draft.method, &draft.path, &draft.body};
    static const char *const names[] = {"method", "path", "body"};

    for (int at = 0; at < 3; at++)
        if (strcmp(name, names[at]) == 0) {
            if (*texts[at] != NULL)
                usage("%s is there twice", name);
            *texts[at] = strdup(value);
            draft.body_size = draft.body ? strlen(draft.body) : 0;
            return true;
        }
    if (strcmp(name, "header") == 0) {
        append(&draft.headers, &draft.headers_size, value, strlen(value));
        append(&draft.headers, &draft.headers_size, "\r\n", 2);
    } else if (strcmp(name, "body_bytes") == 0 && draft.body == NULL) {
        draft.body = filler(name, value, &draft.body_size);
    } else if (strcmp(name, "status") == 0) {
        draft.request.status = (int)whole(name, value, 999);
    } else {
        return false;
    }
    return true;
}

static bool resp_line(const char *name, const char *value)
{
    char *bytes;
    size_t size;

    if (strcmp(name, "argument") == 0) {
        add_argument(value, strlen(value));
    } else if (strcmp(name, "value") == 0) {
        bytes = filler(name, value, &size);
        add_argument(bytes, size);
        free(bytes);
    } else {
        return false;
    }
    return true;
}

void requests_line(struct requests *requests, char *line)
{
    size_t size;
    char *space = strchr(line, ' '), *value = with_marks(space ? space + 1 : "", &size), *end;

    if (space != NULL)
        *space = '\0';
    if (strcmp(line, "request") == 0) {
        if (draft.request.name[0] != '\0')
            finish_kind(requests);
        begin_kind(value);
    } else if (strcmp(line, "length") == 0) {
        draft.request.length = whole(line, value, UINT64_C(1) << 40);
        draft.request.has_length = true;
    } else if (strcmp(line, "crc32") == 0) {
        draft.request.crc32 = (uint32_t)strtoul(value, &end, 16);
        draft.request.has_crc32 = true;
        if (strlen(value) != 8 || *end != '\0')
            usage("crc32 is \"%s\": it must have eight hexadecimal digits", value);
    } else if (strcmp(line, "keys") == 0) {
        draft.request.keys = whole(line, value, UINT64_C(999999999999));
    } else if (!(requests->protocol == HTTP ? http_line : resp_line)(line, value)) {
        usage("\"%s\" is no line of a request of %s", line,
              requests->protocol == HTTP ? "http" : "resp");
    }
    free(value);
}

void requests_file(struct requests *requests, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    if (file == NULL)
        usage("%s cannot be read: %s", path, strerror(errno));
    while ((size = getline(&line, &room, file)) >= 0) {
        if (size > 0 && line[size - 1] == '\n')
            line[--size] = '\0';
        if (size > 0 && line[0] != '#')
            requests_line(requests, line);
    }
    if (ferror(file))
        usage("%s cannot be read", path);
    free(line);
    fclose(file);
}

void requests_finish(struct requests *requests)
{
    finish_kind(requests);
}

enum failure request_judge(const struct request *request, const struct reply *reply)
{
    if (reply->is_error)
        return ERROR_REPLY;
    if (request->status != 0 && reply->status != request->status)
        return STATUS;
    if (request->has_length && (reply->length != request->length || reply->is_nil))
        return LENGTH;
    if (request->has_crc32 && reply->crc32 != request->crc32)
        return CHECKSUM;
    return NO_FAILURE;
}
