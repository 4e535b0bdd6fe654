/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: one thread on one CPU, with connections of its own and an epoll instance for them.
 */
#pragma once

#include "histogram.h"
#include "requests.h"

#include <netinet/in.h>
#include <pthread.h>

#define SECOND UINT64_C(1000000000)
#define SLICE (SECOND / 10)
#define SLICES ((window.length + SLICE - 1) / SLICE)

/* What holds for all windows; times are in ns. */
extern struct plan {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    struct requests requests;
    uint64_t connections, depth, workers, timeout, spin, seed;
    uint64_t priority; /* of SCHED_FIFO; 0: none */
} plan;

/* The window; times are of CLOCK_MONOTONIC, in ns. */
extern struct window {
    uint64_t number, length, begin, end;
    uint64_t micro_rate; /* millionths of requests per second; 0: its loop is closed */
    const char *arrivals, *only_name;
    bool constant; /* arrivals; otherwise Poisson */
    int only;      /* the only kind of request, or -1 */
    bool is_open_loop, is_run;
} window;

/* All workers and the main thread take four steps of a window together: it is known, the
 * connections are open, it begins, all is counted. */
extern pthread_barrier_t barrier;

struct slice {
    uint64_t answered, failed, most;
};

/* What is counted in a window, beside failures: ANSWERED_AFTER its end; those that WAITED until a
 * connection was free; UNSENT, which were due in it. From SUMS on, it is the most of any worker. */
enum count { CONNECTED = FAILURES, SENT, ANSWERED, ANSWERED_AFTER, WAITED, UNSENT, RECONNECTS,
             BYTES_IN, BYTES_OUT, CPU_NS, SUMS, OLDEST_UNSENT_NS = SUMS, BEGIN_LATE_NS,
             LOOP_LATE_NS, DRAINED_NS, COUNTS };

/* What a worker, or all of them, saw in a window. */
struct tally {
    uint64_t counts[COUNTS];
    struct histogram latency, lateness;
    struct slice *slices; /* SLICES of them */
};

struct worker {
    unsigned number, connections;
    int cpu; /* -1: any */
    struct tally tally;
};

uint64_t now_ns(void);
/* Run windows, until the program ends. */
void *worker_run(void *worker);
