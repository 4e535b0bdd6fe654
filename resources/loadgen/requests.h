/* SPDX-License-Identifier: Apache-2.0
 *
 * What is requested: kinds of requests in proportions, and what is expected of the response.
 *
 * Lines of "NAME VALUE", where the value is the rest of the line; "#" begins a comment line:
 *   request NAME WEIGHT   begins a kind; without it there is one, named "request"
 *   method, path, header, body TEXT, body_bytes N, status N       of HTTP
 *   argument TEXT, value N (an argument of N bytes)               of RESP
 *   length N, crc32 HEX   what the body, or the bulk string, must have
 *   keys N                "{random}" in any text is a number below N, of twelve digits
 */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "replies.h"

enum { KINDS_MOST = 64, RANDOM_MOST = 8, RANDOM_DIGITS = 12, NAME_MOST = 32 };

struct request {
    char name[NAME_MOST];
    double weight;
    char *bytes;
    size_t size;
    int randoms;
    size_t random_at[RANDOM_MOST];
    uint64_t keys;
    bool without_body, has_length, has_crc32;
    int status;
    uint64_t length;
    uint32_t crc32;
};

struct requests {
    enum protocol protocol;
    const char *host;
    int count;
    struct request kinds[KINDS_MOST];
};

/* Why a response is not what is wanted; of kinds above LAST_SENT, no request was sent. */
enum failure { NO_FAILURE, STATUS, LENGTH, CHECKSUM, ERROR_REPLY, PROTOCOL, SHORT, RESET, TIMEOUT,
               LAST_SENT = TIMEOUT, REFUSED, CONNECT, FAILURES };

/* Read one line after the other, then finish; both end the program at a mistake. */
void requests_line(struct requests *requests, char *line);
void requests_file(struct requests *requests, const char *path);
void requests_finish(struct requests *requests);

enum failure request_judge(const struct request *request, const struct reply *reply);

/* Say what is wrong with the command line, or with a command, and leave with status 2. */
__attribute__((noreturn, format(printf, 1, 2))) void usage(const char *format, ...);

/* Resize memory, or leave. */
void *enough(void *memory, size_t size);

/* Say what failed, and leave with status 1. */
__attribute__((noreturn)) void fail(const char *what);

#endif
