/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "worker.h"

#include <err.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, RECEIVED_MOST = 256 << 10 };
#define RETRY_AFTER (SECOND / 10)
#define SCAN_EVERY (SECOND / 50)

/* A request that was sent: `from` is when it should have been. */
struct flight {
    uint64_t from, sent;
    const struct request *request;
};

struct connection {
    int fd;
    enum { CLOSED, CONNECTING, OPEN } state;
    bool is_parsing, is_free, was_open;
    unsigned first, in_flight; /* in `flights`, a ring */
    uint64_t changed;          /* when it was tried, lost, or last became free */
    struct flight *flights;
    char *unsent; /* what the socket did not take yet, the end of so many bytes */
    size_t unsent_size, unsent_left;
    struct connection *next; /* that is free */
    struct parser parser;
};

/* What this worker's thread keeps for itself. */
static _Thread_local struct loop {
    struct worker *worker;
    uint64_t *counts; /* of its tally */
    struct connection *connections, *free_first, *free_last;
    int epoll;
    unsigned connecting, in_flight;
    bool has_begun, has_ended;
    uint64_t now;     /* when the event was seen that is being handled */
    uint64_t scan_at; /* when to look for what takes too long */
    uint64_t woke;    /* after it had not run for long */
    uint64_t random;
    double due, interval; /* ns since the window's begin */
    char *batch, *received;
} loop;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/* SplitMix64. */
static uint64_t random_bits(void)
{
    uint64_t z = loop.random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double random_unit(void) { return (double)(random_bits() >> 11) * 0x1p-53; }

static const struct request *choose(void)
{
    const struct request *kind = plan.requests.kinds, *last = kind + plan.requests.count - 1;
    if (window.only >= 0)
        return kind + window.only;
    double at = random_unit() * plan.requests.weights;
    for (; kind < last && at >= kind->weight; kind++)
        at -= kind->weight;
    return kind;
}

void *enough(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL)
        err(1, "memory");
    return memory;
}

static void tally_begin(struct tally *tally)
{
    size_t size = (SLICES + 1) * sizeof(struct slice);
    struct slice *slices = memset(enough(tally->slices, size), 0, size);
    memset(tally, 0, sizeof *tally);
    tally->slices = slices;
}

/* What is outside the window is in one more slice, which nobody reads. */
static struct slice *slice_now(void)
{
    bool is_inside = loop.now >= window.begin && loop.now < window.end;
    return &loop.worker->tally.slices[is_inside ? (loop.now - window.begin) / SLICE : SLICES];
}

static void count_failure(enum failure failure, unsigned count)
{
    loop.counts[failure] += count;
    slice_now()->failed += count;
}

static void watch(struct connection *connection, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(loop.epoll, how, connection->fd, &event) < 0)
        err(1, "epoll_ctl");
}

static void open_connection(struct connection *connection);

/* A connection has failed with all that is in flight on it, or the attempt to open one. What was
 * open is opened again at once, the other by a scan. */
static void lose(struct connection *connection, enum failure failure)
{
    bool was_open = connection->state == OPEN;
    count_failure(failure, was_open ? connection->in_flight : 1);
    loop.connecting -= connection->state == CONNECTING;
    loop.in_flight -= connection->in_flight;
    close(connection->fd);
    connection->fd = -1;
    connection->state = CLOSED;
    connection->is_parsing = false;
    connection->changed = loop.now;
    connection->unsent_left = 0;
    connection->in_flight = 0;
    if (was_open && !loop.has_ended)
        open_connection(connection);
}

static void lose_for(struct connection *connection, int error)
{
    if (connection->state == OPEN)
        lose(connection, error == ETIMEDOUT ? TIMEOUT : RESET);
    else
        lose(connection, error == ECONNREFUSED ? REFUSED : CONNECT);
}

static void open_connection(struct connection *connection)
{
    const struct sockaddr *to = &plan.address.any;
    int one = 1, fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    loop.counts[RECONNECTS] += connection->was_open;
    connection->fd = fd;
    if (fd < 0 || (connect(fd, to, sizeof plan.address) < 0 && errno != EINPROGRESS)) {
        lose_for(connection, errno);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->changed = loop.now;
    connection->state = CONNECTING;
    loop.connecting++;
    watch(connection, EPOLL_CTL_ADD, EPOLLOUT);
}

/* Send bytes; keep what the socket does not take. */
static void send_bytes(struct connection *connection, const char *bytes, size_t size)
{
    ssize_t taken = send(connection->fd, bytes, size, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN) {
        lose_for(connection, errno);
        return;
    }
    size_t left = size - (size_t)(taken < 0 ? 0 : taken);
    if (loop.now < window.end)
        loop.counts[BYTES_OUT] += size - left;
    if (left > 0 && connection->unsent_left == 0) {
        connection->unsent = enough(connection->unsent, left);
        memcpy(connection->unsent, bytes + size - left, left);
        connection->unsent_size = left;
    }
    if ((left > 0) != (connection->unsent_left > 0))
        watch(connection, EPOLL_CTL_MOD, left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    connection->unsent_left = left;
}

/* Copy a request to `to`, with its random numbers; return its size. */
static size_t copy_request(const struct request *request, char *to)
{
    memcpy(to, request->bytes, request->size);
    for (int at = 0; at < request->randoms; at++) {
        uint64_t key = random_bits() % request->keys;
        for (char *digit = to + request->random_at[at] + RANDOM_DIGITS - 1; key > 0; key /= 10)
            *digit-- = (char)('0' + key % 10);
    }
    return request->size;
}

/* Add a request that should have been sent at `from` to a batch of `size`; return its new size. */
static size_t add_request(struct connection *connection, size_t size, uint64_t from)
{
    const struct request *request = choose();
    unsigned at = (connection->first + connection->in_flight++) % (unsigned)plan.depth;
    connection->flights[at] = (struct flight){from, loop.now, request};
    loop.in_flight++;
    loop.counts[SENT]++;
    return size + copy_request(request, loop.batch + size);
}

/* It may have room for requests, since a time. In a closed loop it gets as many as it can have in
 * flight; in an open loop it is put to the end of those that are free. */
static void go_on(struct connection *connection, uint64_t since)
{
    if (!loop.has_begun || connection->state != OPEN || connection->unsent_left > 0 ||
        connection->in_flight >= plan.depth || connection->is_free)
        return;
    if (!window.is_open_loop) {
        size_t size = 0;
        loop.now = now_ns();
        while (loop.now < window.end && connection->in_flight < plan.depth)
            size = add_request(connection, size, loop.now);
        if (size > 0)
            send_bytes(connection, loop.batch, size);
        return;
    }
    connection->is_free = true;
    connection->changed = since;
    connection->next = NULL;
    *(loop.free_first == NULL ? &loop.free_first : &loop.free_last->next) = connection;
    loop.free_last = connection;
}

static void next_due(void)
{
    loop.due += loop.interval * (window.constant ? 1 : -log(1 - random_unit()));
}

static uint64_t due_ns(void) { return window.begin + (uint64_t)loop.due; }

/* In an open loop, send what is due, packed together as far as a free connection can take it. */
static void send_due(void)
{
    if (!window.is_open_loop || !loop.has_begun)
        return;
    loop.now = now_ns();
    while (due_ns() <= loop.now && loop.now < window.end && loop.free_first != NULL) {
        struct connection *connection = loop.free_first;
        loop.free_first = connection->next;
        connection->is_free = false;
        if (connection->state != OPEN)
            continue;
        uint64_t due, could = connection->changed;
        size_t size = 0;
        for (loop.now = now_ns(); (due = due_ns()) <= loop.now && due < window.end; next_due()) {
            if (connection->in_flight >= plan.depth)
                break;
            loop.counts[WAITED] += could > due;
            histogram_add(&loop.worker->tally.lateness, loop.now - (could > due ? could : due));
            size = add_request(connection, size, due);
        }
        send_bytes(connection, loop.batch, size);
        go_on(connection, could);
    }
}

/* A response is complete. */
static void complete(struct connection *connection)
{
    struct flight *flight = &connection->flights[connection->first];
    enum failure failure = request_judge(flight->request, &connection->parser.reply);
    struct slice *slice = slice_now();
    uint64_t latency = loop.now - flight->from;
    connection->first = (connection->first + 1) % (unsigned)plan.depth;
    connection->in_flight--;
    loop.in_flight--;
    connection->is_parsing = false;
    if (failure != NO_FAILURE) {
        count_failure(failure, 1);
        return;
    }
    histogram_add(&loop.worker->tally.latency, latency);
    loop.counts[loop.now < window.end ? ANSWERED : ANSWERED_AFTER]++;
    slice->answered++;
    slice->most = latency > slice->most ? latency : slice->most;
}

/* Read responses from bytes, until the connection is lost. */
static void parse(struct connection *connection, const char *bytes, size_t size)
{
    struct parser *parser = &connection->parser;
    for (size_t used; size > 0 && connection->state == OPEN; bytes += used, size -= used) {
        if (connection->in_flight == 0) { /* nobody asked for it */
            count_failure(PROTOCOL, 1);
            lose(connection, PROTOCOL);
            return;
        }
        const struct request *request = connection->flights[connection->first].request;
        if (!connection->is_parsing)
            parser_begin(parser, plan.requests.protocol, request->without_body,
                         request->has_crc32);
        connection->is_parsing = true;
        enum parsed parsed = parser_feed(parser, bytes, size, &used);
        if (parsed == PARSED_DONE)
            complete(connection);
        if (parsed == PARSED_BAD)
            lose(connection, PROTOCOL);
        else if (parsed == PARSED_DONE && parser->reply.closes)
            lose(connection, SHORT);
    }
}

static void receive(struct connection *connection)
{
    ssize_t size = recv(connection->fd, loop.received, RECEIVED_MOST, 0);
    loop.now = now_ns();
    if (size < 0 && errno != EAGAIN) {
        lose_for(connection, errno);
    } else if (size == 0) {
        if (connection->is_parsing && parser_end(&connection->parser) == PARSED_DONE)
            complete(connection);
        lose(connection, SHORT);
    } else if (size > 0) {
        if (loop.now < window.end)
            loop.counts[BYTES_IN] += (uint64_t)size;
        parse(connection, loop.received, (size_t)size);
    }
}

static void connected(struct connection *connection)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        lose_for(connection, error);
        return;
    }
    loop.connecting--;
    connection->state = OPEN;
    connection->was_open = true;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void handle(struct connection *connection, uint32_t events)
{
    size_t left = connection->unsent_left;
    if (connection->state == CONNECTING)
        connected(connection);
    else if (events & ~(uint32_t)EPOLLOUT)
        receive(connection);
    else
        send_bytes(connection, connection->unsent + connection->unsent_size - left, left);
}

static bool is_overdue(const struct connection *connection)
{
    bool is_waited_for = connection->state == CONNECTING || connection->in_flight > 0;
    uint64_t sent = connection->flights[connection->first].sent;
    uint64_t since = connection->state == OPEN ? sent : connection->changed;
    return is_waited_for && (since > loop.woke ? since : loop.woke) + plan.timeout < loop.now;
}

/* Give up what takes too long, unless it is there, or this thread was late to look; open again what
 * could not be opened a while ago. */
static void scan(void)
{
    uint64_t now = loop.now, late = now - loop.scan_at;
    if (!loop.has_ended && late > loop.counts[LOOP_LATE_NS])
        loop.counts[LOOP_LATE_NS] = late;
    if (late > plan.timeout / 2) /* what is in flight gets its time from now on */
        loop.woke = now;
    loop.scan_at = now + SCAN_EVERY;
    for (unsigned at = 0; at < loop.worker->connections; at++) {
        struct connection *connection = &loop.connections[at];
        if (connection->state == OPEN && is_overdue(connection))
            receive(connection);
        go_on(connection, loop.now);
        if (is_overdue(connection))
            lose_for(connection, ETIMEDOUT);
        else if (connection->state == CLOSED && !loop.has_ended &&
                 connection->changed + RETRY_AFTER < now)
            open_connection(connection);
    }
}

/* Wait for events until `until`, and handle them; return how many there were. A closed loop sends
 * after it has read all responses: servers and kernels need less time for what comes together. */
static int wait_and_handle(uint64_t until)
{
    struct epoll_event events[EVENTS];
    uint64_t left = until > loop.now + plan.spin ? until - loop.now - plan.spin : 0;
    struct timespec timeout = {(time_t)(left / SECOND), (long)(left % SECOND)};
    int count = epoll_pwait2(loop.epoll, events, EVENTS, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        err(1, "epoll_pwait2");
    loop.now = now_ns();
    for (int at = 0; at < count; at++) {
        handle(events[at].data.ptr, events[at].events);
        if (window.is_open_loop)
            go_on(events[at].data.ptr, loop.now);
        send_due();
    }
    for (int at = 0; at < count && !window.is_open_loop; at++)
        go_on(events[at].data.ptr, loop.now);
    return count;
}

/* Open all connections that are closed, each once. */
static void open_all(void)
{
    struct connection *end = loop.connections + loop.worker->connections;
    uint64_t deadline = now_ns() + plan.timeout;
    while (wait_and_handle(0) > 0 && loop.now < deadline)
        ; /* what the server did since the last window, of which nothing is opened again yet */
    loop.has_ended = false;
    for (struct connection *connection = loop.connections; connection < end; connection++)
        if (connection->state == CLOSED)
            open_connection(connection);
    while (loop.connecting > 0 && loop.now < deadline)
        wait_and_handle(deadline);
    for (struct connection *connection = loop.connections; connection < end; connection++) {
        if (connection->state == CONNECTING)
            lose_for(connection, ETIMEDOUT);
        loop.counts[CONNECTED] += connection->state == OPEN;
    }
}

static void prepare(void)
{
    double number = loop.worker->number, workers = (double)plan.workers;
    tally_begin(&loop.worker->tally);
    loop.has_begun = false;
    loop.free_first = NULL;
    loop.random = plan.seed * UINT64_C(0x2545f4914f6cdd1d) + (window.number << 16) +
                  loop.worker->number;
    loop.interval = 1e15 * workers / (double)window.micro_rate;
    loop.due = window.constant ? loop.interval * (number / workers - 1) : 0;
    next_due();
}

static void begin(void)
{
    while ((loop.now = now_ns()) < window.begin)
        ; /* it is too near to sleep */
    loop.has_begun = true;
    loop.counts[BEGIN_LATE_NS] = loop.now - window.begin;
    loop.scan_at = loop.now + SCAN_EVERY;
    for (unsigned nth = 0; nth < loop.worker->connections; nth++) {
        loop.connections[nth].is_free = false;
        go_on(&loop.connections[nth], window.begin);
    }
}

static void end(uint64_t cpu_ns)
{
    loop.has_ended = true;
    loop.counts[CPU_NS] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
    if (window.is_open_loop && due_ns() < window.end)
        loop.counts[OLDEST_UNSENT_NS] = window.end - due_ns();
    for (; window.is_open_loop && due_ns() < window.end; next_due())
        loop.counts[UNSENT]++; /* it was due, and now is never sent */
}

/* Run the window, then wait for the responses to what was sent in it. */
static void run(void)
{
    uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (begin(); !loop.has_ended || loop.in_flight > 0;) {
        if (loop.now >= loop.scan_at)
            scan();
        send_due();
        uint64_t until = loop.scan_at;
        if (!loop.has_ended && window.end < until)
            until = window.end;
        if (window.is_open_loop && !loop.has_ended && loop.free_first != NULL && due_ns() < until)
            until = due_ns();
        wait_and_handle(until);
        if (loop.now >= window.end && !loop.has_ended)
            end(cpu_ns);
    }
    loop.counts[DRAINED_NS] = loop.now - window.end;
}

/* Take the CPU, and get all memory. */
static void settle(struct worker *worker)
{
    cpu_set_t cpus;
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (worker->cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET((unsigned)worker->cpu, &cpus);
        if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
            err(1, "the CPU cannot be used");
    }
    loop.worker = worker;
    loop.counts = worker->tally.counts;
    loop.received = enough(NULL, RECEIVED_MOST);
    loop.batch = enough(NULL, plan.depth * plan.requests.size_most);
    loop.connections = calloc(worker->connections, sizeof *loop.connections);
    if (loop.connections == NULL)
        err(1, "memory");
    for (unsigned at = 0; at < worker->connections; at++) {
        loop.connections[at].fd = -1;
        loop.connections[at].flights = enough(NULL, plan.depth * sizeof(struct flight));
    }
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
}

void *worker_run(void *worker)
{
    settle(worker);
    for (;;) {
        pthread_barrier_wait(&barrier);
        prepare();
        open_all();
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        if (window.is_run)
            run();
        pthread_barrier_wait(&barrier);
    }
}
