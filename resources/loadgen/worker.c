/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, OPEN_LOOP_EVENTS = 16, RECEIVED_MOST = 256 << 10 };
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
    uint64_t changed;          /* when it was opened, tried in vain, or last became free */
    struct flight *flights;
    char *unsent; /* what the socket did not take yet */
    size_t unsent_size, unsent_at;
    struct connection *next; /* that is free */
    struct parser parser;
};

/* What a worker's thread keeps for itself. */
struct loop {
    struct worker *worker;
    const struct plan *plan;
    const struct window *window;
    struct tally *tally;
    uint64_t *counts; /* of the tally */
    struct connection *connections, *free_first, *free_last;
    int epoll;
    unsigned connecting, open, in_flight;
    bool is_open_loop, has_begun, has_ended;
    uint64_t random, scan_at, woke; /* woke: after it had not run for long */
    double due, interval; /* ns since the window's begin */
    double weights;
    char *batch, received[RECEIVED_MOST];
    size_t batch_room;
};

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/* SplitMix64. */
static uint64_t random_bits(struct loop *loop)
{
    uint64_t z = loop->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double random_unit(struct loop *loop) { return (double)(random_bits(loop) >> 11) * 0x1p-53; }

static const struct request *choose(struct loop *loop)
{
    const struct requests *requests = &loop->plan->requests;
    double at = 0;
    int kind = 0;

    if (loop->window->only >= 0)
        return &requests->kinds[loop->window->only];
    if (requests->count > 1)
        at = random_unit(loop) * loop->weights;
    for (; kind < requests->count - 1 && at >= requests->kinds[kind].weight; kind++)
        at -= requests->kinds[kind].weight;
    return &requests->kinds[kind];
}

void *enough(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL)
        fail("memory");
    return memory;
}

void tally_begin(struct tally *tally, const struct window *window)
{
    size_t count = (size_t)((window->length + SLICE - 1) / SLICE);
    struct slice *slices = enough(tally->slices, count * sizeof *slices);

    memset(tally, 0, sizeof *tally);
    memset(slices, 0, count * sizeof *slices);
    tally->slices = slices;
    tally->slice_count = count;
}

/* What is outside the window is in a slice that nobody reads. */
static struct slice *slice_at(struct loop *loop, uint64_t now)
{
    static _Thread_local struct slice outside;
    bool is_inside = now >= loop->window->begin && now < loop->window->end;

    return is_inside ? &loop->tally->slices[(now - loop->window->begin) / SLICE] : &outside;
}

static void count_failure(struct loop *loop, enum failure failure, unsigned count, uint64_t now)
{
    loop->tally->failures[failure] += count;
    slice_at(loop, now)->failed += count;
}

/* The connections that can take a request, in the order in which they became free. */
static void set_free(struct loop *loop, struct connection *connection, uint64_t now)
{
    if (!loop->is_open_loop || connection->is_free || connection->state != OPEN ||
        connection->unsent_size > 0 || connection->in_flight >= loop->plan->depth)
        return;
    connection->is_free = true;
    connection->changed = now;
    connection->next = NULL;
    if (loop->free_first == NULL)
        loop->free_first = connection;
    else
        loop->free_last->next = connection;
    loop->free_last = connection;
}

static void watch(struct loop *loop, struct connection *connection, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (epoll_ctl(loop->epoll, how, connection->fd, &event) < 0)
        fail("epoll_ctl");
}

static void close_connection(struct loop *loop, struct connection *connection, uint64_t now)
{
    loop->connecting -= connection->state == CONNECTING;
    loop->open -= connection->state == OPEN;
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
    connection->state = CLOSED;
    connection->is_parsing = false;
    connection->changed = now;
    connection->unsent_size = connection->unsent_at = 0;
    loop->in_flight -= connection->in_flight;
    connection->in_flight = 0;
}

static void connect_failed(struct loop *loop, struct connection *connection, int why, uint64_t now)
{
    close_connection(loop, connection, now);
    count_failure(loop, why == ECONNREFUSED ? REFUSED : CONNECT, 1, now);
}

static void connect_again(struct loop *loop, struct connection *connection, uint64_t now)
{
    const struct sockaddr *to = &loop->plan->address.any;
    int one = 1, fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    loop->counts[RECONNECTS] += connection->was_open;
    connection->fd = fd;
    if (fd < 0 || (connect(fd, to, loop->plan->address_size) < 0 && errno != EINPROGRESS)) {
        connect_failed(loop, connection, errno, now);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->changed = now;
    connection->state = CONNECTING;
    loop->connecting++;
    watch(loop, connection, EPOLL_CTL_ADD, EPOLLOUT);
}

/* All that is in flight on a connection has failed; the connection is made again. False. */
static bool lose(struct loop *loop, struct connection *connection, enum failure failure,
                 uint64_t now)
{
    count_failure(loop, failure, connection->in_flight, now);
    close_connection(loop, connection, now);
    if (!loop->has_ended)
        connect_again(loop, connection, now);
    return false;
}

/* Send bytes; keep what the socket does not take. False: the connection was lost. */
static bool send_bytes(struct loop *loop, struct connection *connection, const char *bytes,
                       size_t size, uint64_t now)
{
    ssize_t taken = send(connection->fd, bytes, size, MSG_NOSIGNAL);

    if (taken < 0 && errno != EAGAIN)
        return lose(loop, connection, errno == ETIMEDOUT ? TIMEOUT : RESET, now);
    taken = taken < 0 ? 0 : taken;
    if (now < loop->window->end)
        loop->counts[BYTES_OUT] += (uint64_t)taken;
    if ((size_t)taken == size) {
        if (connection->unsent_size > 0)
            watch(loop, connection, EPOLL_CTL_MOD, EPOLLIN);
        connection->unsent_size = connection->unsent_at = 0;
        return true;
    }
    if (connection->unsent_size == 0) {
        connection->unsent = enough(connection->unsent, size);
        memcpy(connection->unsent, bytes, size);
        connection->unsent_size = size;
        watch(loop, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    connection->unsent_at += (size_t)taken;
    return true;
}

/* Copy a request to `to`, with its random numbers. */
static void write_request(struct loop *loop, const struct request *request, char *to)
{
    memcpy(to, request->bytes, request->size);
    for (int at = 0; at < request->randoms; at++) {
        uint64_t key = random_bits(loop) % request->keys;
        for (char *digit = to + request->random_at[at] + RANDOM_DIGITS - 1; key > 0; key /= 10)
            *digit-- = (char)('0' + key % 10);
    }
}

/* Send `count` requests at once, which should have been sent at `from`. */
static void send_requests(struct loop *loop, struct connection *connection, unsigned count,
                          uint64_t from, uint64_t now)
{
    const char *bytes = loop->batch;
    size_t size = 0;

    for (unsigned nth = 0; nth < count; nth++) {
        const struct request *request = choose(loop);
        unsigned at = (connection->first + connection->in_flight++) % loop->plan->depth;

        connection->flights[at] = (struct flight){from, now, request};
        if (count == 1 && request->randoms == 0) {
            bytes = request->bytes;
            size = request->size;
            break;
        }
        if (size + request->size > loop->batch_room) {
            loop->batch_room = 2 * (size + request->size);
            bytes = loop->batch = enough(loop->batch, loop->batch_room);
        }
        write_request(loop, request, loop->batch + size);
        size += request->size;
    }
    loop->in_flight += count;
    loop->counts[SENT] += count;
    send_bytes(loop, connection, bytes, size, now);
}

/* In a closed loop, a connection has `depth` requests in flight until the window ends. */
static void fill(struct loop *loop, struct connection *connection, uint64_t now)
{
    if (loop->is_open_loop || !loop->has_begun || now >= loop->window->end ||
        connection->state != OPEN || connection->unsent_size > 0 ||
        connection->in_flight == loop->plan->depth)
        return;
    send_requests(loop, connection, loop->plan->depth - connection->in_flight, now, now);
}

static void next_due(struct loop *loop)
{
    loop->due += loop->interval * (loop->window->constant ? 1 : -log(1 - random_unit(loop)));
}

static uint64_t due_ns(const struct loop *loop)
{
    return loop->window->begin + (uint64_t)loop->due;
}

/* In an open loop, send what is due, as far as there are free connections. */
static void send_due(struct loop *loop)
{
    struct connection *connection;
    uint64_t now = now_ns(), due, could;

    while ((due = due_ns(loop)) <= now && due < loop->window->end && loop->free_first != NULL) {
        connection = loop->free_first;
        loop->free_first = connection->next;
        connection->is_free = false;
        if (connection->state != OPEN)
            continue;
        could = connection->changed;
        loop->counts[WAITED] += could > due;
        now = now_ns();
        histogram_add(&loop->tally->lateness, now - (could > due ? could : due));
        next_due(loop);
        send_requests(loop, connection, 1, due, now);
        set_free(loop, connection, could);
    }
}

/* What is due and could not be sent until the end never is. */
static void count_unsent(struct loop *loop)
{
    if (!loop->is_open_loop || due_ns(loop) >= loop->window->end)
        return;
    loop->counts[OLDEST_UNSENT_NS] = loop->window->end - due_ns(loop);
    for (; due_ns(loop) < loop->window->end; next_due(loop))
        loop->counts[UNSENT]++;
}

/* A response is complete. */
static void complete(struct loop *loop, struct connection *connection, uint64_t now)
{
    struct flight *flight = &connection->flights[connection->first];
    enum failure failure = request_judge(flight->request, &connection->parser.reply);
    struct slice *slice = slice_at(loop, now);
    uint64_t latency = now - flight->from;

    connection->first = (connection->first + 1) % loop->plan->depth;
    connection->in_flight--;
    loop->in_flight--;
    connection->is_parsing = false;
    if (failure != NO_FAILURE) {
        count_failure(loop, failure, 1, now);
        return;
    }
    histogram_add(&loop->tally->latency, latency);
    loop->counts[now < loop->window->end ? ANSWERED : ANSWERED_AFTER]++;
    slice->answered++;
    slice->most = latency > slice->most ? latency : slice->most;
}

/* Read responses from bytes; false: the connection was lost. */
static bool parse(struct loop *loop, struct connection *connection, const char *bytes, size_t size,
                  uint64_t now)
{
    struct parser *parser = &connection->parser;
    const struct request *request;
    enum parsed parsed;
    size_t used;

    for (; size > 0; bytes += used, size -= used) {
        if (connection->in_flight == 0) { /* nobody asked for it */
            count_failure(loop, PROTOCOL, 1, now);
            return lose(loop, connection, PROTOCOL, now);
        }
        request = connection->flights[connection->first].request;
        if (!connection->is_parsing)
            parser_begin(parser, loop->plan->requests.protocol, request->without_body,
                         request->has_crc32);
        connection->is_parsing = true;
        parsed = parser_feed(parser, bytes, size, &used);
        if (parsed == PARSED_MORE)
            return true;
        if (parsed == PARSED_BAD)
            return lose(loop, connection, PROTOCOL, now);
        complete(loop, connection, now);
        if (parser->reply.closes)
            return lose(loop, connection, SHORT, now);
    }
    return true;
}

/* It may have room for requests again. */
static void go_on(struct loop *loop, struct connection *connection, uint64_t now)
{
    fill(loop, connection, now);
    set_free(loop, connection, now);
}

static void receive(struct loop *loop, struct connection *connection)
{
    ssize_t size = recv(connection->fd, loop->received, RECEIVED_MOST, 0);
    uint64_t now = now_ns();

    if (size < 0 && errno != EAGAIN) {
        lose(loop, connection, errno == ETIMEDOUT ? TIMEOUT : RESET, now);
    } else if (size == 0) {
        if (connection->is_parsing && parser_end(&connection->parser) == PARSED_DONE)
            complete(loop, connection, now);
        lose(loop, connection, SHORT, now);
    } else if (size > 0) {
        if (now < loop->window->end)
            loop->counts[BYTES_IN] += (uint64_t)size;
        if (parse(loop, connection, loop->received, (size_t)size, now))
            go_on(loop, connection, now);
    }
}

static void connected(struct loop *loop, struct connection *connection)
{
    int error = 0;
    socklen_t size = sizeof error;
    uint64_t now = now_ns();

    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        connect_failed(loop, connection, error, now);
        return;
    }
    loop->connecting--;
    loop->open++;
    connection->state = OPEN;
    connection->was_open = true;
    connection->first = 0;
    watch(loop, connection, EPOLL_CTL_MOD, EPOLLIN);
    go_on(loop, connection, now);
}

static void handle(struct loop *loop, struct connection *connection, uint32_t events)
{
    const char *rest = connection->unsent + connection->unsent_at;
    size_t size = connection->unsent_size - connection->unsent_at;

    if (connection->state == CONNECTING)
        connected(loop, connection);
    else if (events & ~(uint32_t)EPOLLOUT)
        receive(loop, connection);
    else if (send_bytes(loop, connection, rest, size, now_ns()))
        go_on(loop, connection, now_ns());
}

static bool is_overdue(const struct loop *loop, const struct connection *connection, uint64_t now)
{
    uint64_t sent = connection->flights[connection->first].sent;

    if (connection->in_flight == 0)
        return false;
    return (sent > loop->woke ? sent : loop->woke) + loop->plan->timeout < now;
}

/* Give up what takes too long, unless it is there, or this thread was late to look; open again what
 * could not be opened a while ago. */
static void scan(struct loop *loop, uint64_t now)
{
    uint64_t late = now - loop->scan_at;

    if (!loop->has_ended && late > loop->counts[LOOP_LATE_NS])
        loop->counts[LOOP_LATE_NS] = late;
    if (late > loop->plan->timeout / 2) /* what is in flight gets its time from now on */
        loop->woke = now;
    loop->scan_at = now + SCAN_EVERY;
    for (unsigned at = 0; at < loop->worker->connections; at++) {
        struct connection *connection = &loop->connections[at];

        if (is_overdue(loop, connection, now))
            receive(loop, connection);
        if (is_overdue(loop, connection, now))
            lose(loop, connection, TIMEOUT, now);
        else if (connection->state == CONNECTING && connection->changed + loop->plan->timeout < now)
            connect_failed(loop, connection, ETIMEDOUT, now);
        else if (connection->state == CLOSED && !loop->has_ended &&
                 connection->changed + RETRY_AFTER < now)
            connect_again(loop, connection, now);
    }
}

/* Wait for events until `until`, and handle them; return how many there were. */
static int wait_and_handle(struct loop *loop, uint64_t until)
{
    struct epoll_event events[EVENTS];
    uint64_t now = now_ns(), left = until > now ? until - now : 0;
    struct timespec timeout = {0};
    int count, most = loop->is_open_loop ? OPEN_LOOP_EVENTS : EVENTS;

    if (left > loop->plan->spin)
        timeout = (struct timespec){(time_t)(left / SECOND), (long)(left % SECOND)};
    count = epoll_pwait2(loop->epoll, events, most, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll_pwait2");
    for (int at = 0; at < count; at++)
        handle(loop, events[at].data.ptr, events[at].events);
    return count;
}

/* Open all connections that are closed, each once. */
static void open_all(struct loop *loop)
{
    uint64_t now = now_ns(), deadline = now + loop->plan->timeout;

    while (wait_and_handle(loop, 0) > 0)
        ; /* what the server did since the last window */
    for (unsigned at = 0; at < loop->worker->connections; at++)
        if (loop->connections[at].state == CLOSED)
            connect_again(loop, &loop->connections[at], now);
    while (loop->connecting > 0 && now_ns() < deadline)
        wait_and_handle(loop, deadline);
    for (unsigned at = 0; at < loop->worker->connections; at++)
        if (loop->connections[at].state == CONNECTING)
            connect_failed(loop, &loop->connections[at], ETIMEDOUT, now_ns());
    loop->counts[CONNECTED] = loop->open;
}

static void prepare(struct loop *loop)
{
    const struct plan *plan = loop->plan;
    unsigned number = loop->worker->number;

    tally_begin(loop->tally, loop->window);
    loop->is_open_loop = loop->window->rate > 0;
    loop->has_begun = loop->has_ended = false;
    loop->free_first = NULL;
    for (unsigned at = 0; at < loop->worker->connections; at++)
        loop->connections[at].is_free = false;
    loop->random = plan->seed * UINT64_C(0x2545f4914f6cdd1d) + (loop->window->number << 16) + number;
    loop->interval = (double)SECOND * plan->workers / loop->window->rate;
    loop->due = loop->interval * number / plan->workers;
    if (loop->is_open_loop && !loop->window->constant) {
        loop->due = 0;
        next_due(loop);
    }
}

static void begin(struct loop *loop)
{
    struct timespec at = {(time_t)(loop->window->begin / SECOND),
                          (long)(loop->window->begin % SECOND)};
    uint64_t now;

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    loop->has_begun = true;
    now = now_ns();
    loop->counts[BEGIN_LATE_NS] = now - loop->window->begin;
    loop->scan_at = now + SCAN_EVERY;
    for (unsigned nth = 0; nth < loop->worker->connections; nth++)
        go_on(loop, &loop->connections[nth], loop->is_open_loop ? loop->window->begin : now_ns());
}

/* Run the window, then wait for the responses to what was sent in it. */
static void run(struct loop *loop)
{
    const struct window *window = loop->window;
    uint64_t used = clock_ns(CLOCK_THREAD_CPUTIME_ID), now, until;

    begin(loop);
    for (;;) {
        now = now_ns();
        if (now >= window->end && !loop->has_ended) {
            loop->has_ended = true;
            loop->counts[CPU_NS] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - used;
            count_unsent(loop);
        }
        if (loop->has_ended && loop->in_flight == 0)
            break;
        if (now >= loop->scan_at)
            scan(loop, now);
        until = loop->scan_at;
        if (!loop->has_ended) {
            if (loop->is_open_loop)
                send_due(loop);
            if (loop->is_open_loop && loop->free_first != NULL && due_ns(loop) < until)
                until = due_ns(loop);
            until = window->end < until ? window->end : until;
        }
        wait_and_handle(loop, until);
    }
    loop->counts[DRAINED_NS] = now_ns() - window->end;
}

static struct loop *new_loop(struct worker *worker)
{
    const struct plan *plan = worker->plan;
    size_t count = worker->connections, flights_size = count * plan->depth * sizeof(struct flight);
    struct loop *loop = enough(NULL, sizeof *loop);
    struct flight *flights = enough(NULL, flights_size);

    *loop = (struct loop){.worker = worker, .plan = plan, .window = worker->window};
    loop->tally = &worker->tally;
    loop->counts = worker->tally.counts;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        fail("epoll_create1");
    loop->connections = enough(NULL, count * sizeof *loop->connections);
    memset(loop->connections, 0, count * sizeof *loop->connections);
    for (unsigned at = 0; at < worker->connections; at++) {
        loop->connections[at].fd = -1;
        loop->connections[at].flights = flights + (size_t)at * plan->depth;
    }
    for (int kind = 0; kind < plan->requests.count; kind++)
        loop->weights += plan->requests.kinds[kind].weight;
    return loop;
}

/* Take the CPU and the priority of this thread. */
static void settle(struct worker *worker)
{
    struct sched_param priority = {.sched_priority = worker->plan->priority};
    cpu_set_t cpus;

    prctl(PR_SET_TIMERSLACK, 1UL);
    if (worker->cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET((unsigned)worker->cpu, &cpus);
        errno = pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
        if (errno != 0)
            fail("the CPU cannot be used");
    }
    worker->is_realtime =
        priority.sched_priority > 0 &&
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
}

void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct loop *loop;

    settle(worker);
    loop = new_loop(worker);
    for (;;) {
        pthread_barrier_wait(worker->barrier);
        if (worker->window->is_last)
            return NULL;
        prepare(loop);
        open_all(loop);
        pthread_barrier_wait(worker->barrier);
        pthread_barrier_wait(worker->barrier);
        if (worker->window->is_run)
            run(loop);
        pthread_barrier_wait(worker->barrier);
    }
}
