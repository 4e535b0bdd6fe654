/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "requests.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM "{random}"
#define MARK "\1\2\1\2\1\2\1\2\1\2\1\2" /* as long as the number that takes its place */
#define BYTES_MOST (64u << 20)
#define NONE UINT64_MAX

/* The kind that is being described. Its texts stay until the end. */
static struct draft {
    struct request request;
    const char *method, *path, *body, *crc32, *header, *argument;
    const char *lines; /* its headers, or encoded arguments, so far; NULL: nothing has been read */
    unsigned arguments;
    bool is_named;
} draft;

static const struct setting of_both[] = {
    {"length", NULL, &draft.request.length, 0, 1e12, 1},
    {"crc32", .text = &draft.crc32},
    {"keys", NULL, &draft.request.keys, 1, 999999999999, 1},
    {NULL},
};
static const struct setting of_http[] = {
    {"method", .text = &draft.method},
    {"path", .text = &draft.path},
    {"header", .text = &draft.header},
    {"body", .text = &draft.body},
    {"body_bytes", &draft.body, NULL, 0, BYTES_MOST, 1},
    {"status", NULL, &draft.request.status, 100, 999, 1},
    {NULL},
};
static const struct setting of_resp[] = {
    {"argument", .text = &draft.argument},
    {"value", &draft.argument, NULL, 0, BYTES_MOST, 1},
    {NULL},
};

/* Return a new text. */
__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
    va_list values;
    char *made;
    va_start(values, format);
    if (vasprintf(&made, format, values) < 0)
        err(1, "memory");
    va_end(values);
    return made;
}

bool set(const struct setting *setting, const char *name, const char *value)
{
    while (setting->name != NULL && strcmp(setting->name, name) != 0)
        setting++;
    if (setting->name == NULL)
        return false;
    if (setting->most == 0) {
        *setting->text = value;
        return true;
    }
    char *end;
    double number = strtod(value, &end);
    bool is_whole = setting->unit == 1;
    if (end == value || *end != '\0' || !(number >= setting->least && number <= setting->most) ||
        (is_whole && number != (double)(uint64_t)number))
        errx(2, "%s is \"%s\": it must be a%s number from %g to %g", name, value,
              is_whole ? " whole" : "", setting->least, setting->most);
    if (setting->text != NULL)
        *setting->text = text("%*s", (int)number, "");
    else
        *setting->number = (uint64_t)(number * setting->unit + 0.5);
    return true;
}

/* Note where the random numbers are. */
static void find_marks(struct request *request)
{
    for (char *at = request->bytes; (at = strstr(at, MARK)) != NULL;) {
        if (request->randoms == RANDOM_MOST)
            errx(2, "a request has at most %d times %s", RANDOM_MOST, RANDOM);
        request->random_at[request->randoms++] = (size_t)(at - request->bytes);
        memset(at, '0', RANDOM_DIGITS);
    }
}

static void begin_kind(void)
{
    draft = (struct draft){.method = "GET", .path = "/", .lines = ""};
    draft.request = (struct request){.name = "request", .weight = 1, .keys = 1, .length = NONE};
}

void requests_finish(struct requests *requests)
{
    struct request *request = &draft.request;
    char *end, *length = "";
    if (draft.lines == NULL)
        begin_kind();
    if (requests->count == KINDS_MOST)
        errx(2, "there are more than %d kinds of requests", KINDS_MOST);
    for (int at = 0; at < requests->count; at++)
        if (strcmp(requests->kinds[at].name, request->name) == 0)
            errx(2, "two kinds of requests are named %s", request->name);
    if (draft.crc32 != NULL) {
        request->has_crc32 = true;
        request->crc32 = (uint32_t)strtoul(draft.crc32, &end, 16);
        if (strlen(draft.crc32) != 8 || *end != '\0')
            errx(2, "crc32 is \"%s\": it must have eight hexadecimal digits", draft.crc32);
    }
    if (requests->protocol == HTTP) {
        if (draft.body != NULL)
            length = text("Content-Length: %zu\r\n", strlen(draft.body));
        request->bytes = text("%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n%s", draft.method, draft.path,
                              requests->host, draft.lines, length, draft.body ? draft.body : "");
        request->without_body = strcmp(draft.method, "HEAD") == 0;
        request->status = request->status > 0 ? request->status : 200;
    } else {
        if (draft.arguments == 0)
            errx(2, "request %s has no argument", request->name);
        request->bytes = text("*%u\r\n%s", draft.arguments, draft.lines);
    }
    request->size = strlen(request->bytes);
    find_marks(request);
    requests->weights += request->weight;
    if (request->size > requests->size_most)
        requests->size_most = request->size;
    requests->kinds[requests->count++] = *request;
}

static void read_name(const char *name_and_weight)
{
    struct request *request = &draft.request;
    char more;
    if (sscanf(name_and_weight, "%31[^ \"\\] %lf%c", request->name, &request->weight, &more) != 2 ||
        !(request->weight > 0 && request->weight <= 1e9))
        errx(2, "request is \"%s\": it must be NAME WEIGHT, of at most %d characters and above 0",
              name_and_weight, NAME_MOST - 1);
}

void requests_line(struct requests *requests, const char *line)
{
    char *name = text("%s", line), *value = strchrnul(name, ' ');
    if (*value != '\0')
        *value++ = '\0';
    for (char *found; (found = strstr(value, RANDOM)) != NULL;) {
        *found = '\0';
        value = text("%s%s%s", value, MARK, found + strlen(RANDOM));
    }
    if (draft.lines == NULL)
        begin_kind();
    if (strcmp(name, "request") == 0) {
        if (draft.is_named) {
            requests_finish(requests);
            begin_kind();
        }
        read_name(value);
        draft.is_named = true;
    } else if (!set(of_both, name, value) &&
               !set(requests->protocol == HTTP ? of_http : of_resp, name, value)) {
        errx(2, "\"%s\" is no line of a request of %s", name,
              requests->protocol == HTTP ? "http" : "resp");
    }
    if (draft.header != NULL)
        draft.lines = text("%s%s\r\n", draft.lines, draft.header);
    if (draft.argument != NULL) {
        draft.lines = text("%s$%zu\r\n%s\r\n", draft.lines, strlen(draft.argument), draft.argument);
        draft.arguments++;
    }
    draft.header = draft.argument = NULL;
}

void requests_file(struct requests *requests, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    if (file == NULL)
        err(2, "%s cannot be read", path);
    while (getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            requests_line(requests, line);
    }
    if (ferror(file))
        err(2, "%s cannot be read", path);
}

enum failure request_judge(const struct request *request, const struct reply *reply)
{
    if (reply->is_error)
        return ERROR_REPLY;
    if (request->status != 0 && (uint64_t)reply->status != request->status)
        return STATUS;
    if (request->length != NONE && (reply->length != request->length || reply->is_nil))
        return LENGTH;
    if (request->has_crc32 && reply->crc32 != request->crc32)
        return CHECKSUM;
    return NO_FAILURE;
}
