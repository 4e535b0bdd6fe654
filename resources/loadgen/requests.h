/* SPDX-License-Identifier: Apache-2.0
 *
 * What is requested: kinds of requests in proportions, and what is expected of the response.
 * They are described by lines of "NAME VALUE"; docs/load.md has all of them.
 */
#pragma once

#include "replies.h"

enum { KINDS_MOST = 64, RANDOM_MOST = 8, RANDOM_DIGITS = 12, NAME_MOST = 32 };

struct request {
    char name[NAME_MOST];
    double weight;
    char *bytes;
    size_t size, random_at[RANDOM_MOST];
    int randoms;
    uint64_t keys, status, length; /* status: 0, length: UINT64_MAX if any is right */
    bool without_body, has_crc32;
    uint32_t crc32;
};

struct requests {
    enum protocol protocol;
    const char *host;
    int count;
    double weights;   /* all together */
    size_t size_most; /* of a request */
    struct request kinds[KINDS_MOST];
};

/* Why a response is not what is wanted; with the last two, no request was sent. */
enum failure { NO_FAILURE, STATUS, LENGTH, CHECKSUM, ERROR_REPLY, PROTOCOL, SHORT, RESET, TIMEOUT,
               REFUSED, CONNECT, FAILURES };

/* Read one line after the other, then finish the last kind; a mistake ends the program. */
void requests_line(struct requests *requests, const char *line);
void requests_file(struct requests *requests, const char *path);
void requests_finish(struct requests *requests);

enum failure request_judge(const struct request *request, const struct reply *reply);

/* What can be set by name: a text; a number, which is kept in units of which there are `unit` in
 * one (1: it is a whole number); or, if it has `text` and `most`, a text of so many bytes. */
struct setting {
    const char *name, **text;
    uint64_t *number;
    double least, most, unit;
};

/* Set one of the settings, if there is one of that name; a wrong value ends the program. */
bool set(const struct setting *settings, const char *name, const char *value);

/* Resize memory, or leave. */
void *enough(void *memory, size_t size);
