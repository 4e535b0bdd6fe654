/* SPDX-License-Identifier: Apache-2.0
 *
 * server http|resp BEHAVIOUR NTH MILLISECONDS
 *
 * A server that does exactly what it is told, and keeps a record of it: one thread, one request at
 * a time. Every NTH response is of the BEHAVIOUR. It prints its port; when its input ends, what it
 * did, as JSON. The first 64 KiB that it received follow.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 256, TIMES = 1 << 20, RECEIVED = 64 << 10, BODY = 1150 };

static const char *protocol, *behaviour;
static uint64_t nth, pause_ns, stall_at, requests, of_b, answered, special;
static uint64_t sent_ns[TIMES], served_ns, stalls[64][2];
static unsigned stall_count;
static char received[RECEIVED], body[BODY + 1];
static size_t received_size;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
    struct timespec until = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static bool is(const char *name)
{
    return strcmp(behaviour, name) == 0;
}

static void put(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t taken = send(fd, bytes, size, MSG_NOSIGNAL);
        if (taken < 0)
            return;
        bytes += taken;
        size -= (size_t)taken;
    }
}

static void put_text(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

/* Close with a reset. */
static void reset(int fd)
{
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void http_response(int fd, int status, const char *header, const char *content, size_t size)
{
    char head[256];
    int head_size = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n",
                             status, strlen(content), header);
    char *whole = malloc((size_t)head_size + size);
    memcpy(whole, head, (size_t)head_size);
    memcpy(whole + head_size, content, size);
    put(fd, whole, (size_t)head_size + size);
    free(whole);
}

/* Answer as told; false: the connection is closed. */
static bool answer_http(int fd, bool asks_for_b)
{
    if (is("status")) {
        http_response(fd, 500, "", body, BODY);
    } else if (is("length")) {
        http_response(fd, 200, "", body + 1, BODY - 1);
    } else if (is("content")) {
        body[7] = 'y';
        http_response(fd, 200, "", body, BODY);
        body[7] = 'x';
    } else if (is("protocol")) {
        put_text(fd, "HTTP/9.9 what is this\r\n\r\n");
    } else if (is("extra")) {
        put_text(fd, "HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nxHTTP/1.1");
    } else if (is("truncated")) {
        http_response(fd, 200, "", body, BODY / 2);
        close(fd);
        return false;
    } else if (is("reset")) {
        reset(fd);
        return false;
    } else if (is("close")) {
        http_response(fd, 200, "Connection: close\r\n", body, BODY);
        close(fd);
        return false;
    } else if (is("until_closed")) {
        put_text(fd, "HTTP/1.0 200 X\r\n\r\n");
        put(fd, body, BODY);
        close(fd);
        return false;
    } else if (is("chunked")) {
        put_text(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int at = 0; at < BODY; at++)
            put_text(fd, "1\r\nx\r\n");
        put_text(fd, "0\r\nTrailer: x\r\n\r\n");
    } else if (is("pause")) {
        http_response(fd, 200, "", body, BODY / 2);
        sleep_until(now_ns() + pause_ns);
        put(fd, body + BODY / 2, BODY - BODY / 2);
    } else {
        http_response(fd, asks_for_b ? 404 : 200, "", body, BODY);
    }
    return true;
}

static bool answer_resp(int fd)
{
    if (is("error"))
        put_text(fd, "-ERR told to\r\n");
    else if (is("nil"))
        put_text(fd, "$-1\r\n");
    else if (is("array"))
        put_text(fd, "*2\r\n*1\r\n:7\r\n$3\r\nxxx\r\n");
    else
        put_text(fd, "$3\r\nxxx\r\n");
    return true;
}

/* Serve one request; false: the connection is closed. */
static bool serve(int fd, bool asks_for_b)
{
    uint64_t began = now_ns();
    bool is_special = nth > 0 && (requests + 1) % nth == 0, stays;
    const char *told = behaviour;

    requests++;
    of_b += asks_for_b;
    if (is("silent"))
        return true;
    if (is("service"))
        sleep_until(began + pause_ns);
    if (!is_special)
        behaviour = "";
    stays = strcmp(protocol, "http") == 0 ? answer_http(fd, asks_for_b) : answer_resp(fd);
    behaviour = told;
    special += is_special;
    served_ns += now_ns() - began;
    sent_ns[answered++ % TIMES] = now_ns();
    return stays;
}

static bool serve_all(int fd)
{
    char bytes[RECEIVED];
    ssize_t size = recv(fd, bytes, sizeof bytes - 1, 0);
    const char *mark = strcmp(protocol, "http") == 0 ? "\r\n\r\n" : "*", *at = bytes;

    if (size <= 0) {
        close(fd);
        return false;
    }
    bytes[size] = '\0';
    if (received_size + (size_t)size < RECEIVED) {
        memcpy(received + received_size, bytes, (size_t)size);
        received_size += (size_t)size;
    }
    for (const char *end; (end = strstr(at, mark)) != NULL; at = end + strlen(mark))
        if (!serve(fd, memmem(at, (size_t)(end - at), " /b", 3) != NULL))
            return false;
    return true;
}

/* For `pause_ns` out of every ten times that, do nothing at all. */
static void stall(void)
{
    if (!is("stall") || now_ns() < stall_at)
        return;
    if (stall_count < 64)
        stalls[stall_count][0] = now_ns();
    sleep_until(stall_at + pause_ns);
    if (stall_count < 64)
        stalls[stall_count++][1] = now_ns();
    stall_at += 10 * pause_ns;
}

static int listen_at_any_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(listener, (struct sockaddr *)&at, size) < 0 || listen(listener, CLIENTS) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) < 0)
        exit(1);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return listener;
}

static void report(void)
{
    printf("{\"requests\":%" PRIu64 ",\"of_b\":%" PRIu64 ",\"answered\":%" PRIu64
           ",\"special\":%" PRIu64 ",\"served_ns\":%" PRIu64 ",\"sent_ns\":[",
           requests, of_b, answered, special, served_ns);
    for (uint64_t at = 0; at < answered && at < TIMES; at++)
        printf("%s%" PRIu64, at > 0 ? "," : "", sent_ns[at]);
    fputs("],\"stalls\":[", stdout);
    for (unsigned at = 0; at < stall_count; at++)
        printf("%s[%" PRIu64 ",%" PRIu64 "]", at > 0 ? "," : "", stalls[at][0], stalls[at][1]);
    puts("]}");
    fwrite(received, 1, received_size, stdout);
}

int main(int count, char **words)
{
    static struct pollfd polled[CLIENTS + 2];
    struct sched_param priority = {.sched_priority = 40};
    int clients = 2, one = 1;

    if (count != 5)
        return 2;
    protocol = words[1];
    behaviour = words[2];
    nth = strtoull(words[3], NULL, 10);
    pause_ns = strtoull(words[4], NULL, 10) * 1000000;
    memset(body, 'x', BODY);
    sched_setscheduler(0, SCHED_FIFO, &priority); /* where it may */
    polled[0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    polled[1] = (struct pollfd){listen_at_any_port(), POLLIN, 0};
    stall_at = now_ns() + 5 * pause_ns;
    while (poll(polled, (nfds_t)clients, is("stall") ? 1 : -1) >= 0 && polled[0].revents == 0) {
        stall();
        for (int at = 2; at < clients; at++)
            if (polled[at].revents != 0 && !serve_all(polled[at].fd))
                polled[at--] = polled[--clients];
        if (polled[1].revents != 0 && clients < CLIENTS + 2) {
            polled[clients] = (struct pollfd){accept(polled[1].fd, NULL, NULL), POLLIN, 0};
            setsockopt(polled[clients].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            clients++;
        }
    }
    report();
    return 0;
}
