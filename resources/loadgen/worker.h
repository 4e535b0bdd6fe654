/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: one thread on one CPU, with connections of its own and an epoll instance for them.
 */
#ifndef WORKER_H
#define WORKER_H

#include "histogram.h"
#include "requests.h"

#include <netinet/in.h>
#include <pthread.h>

#define SECOND UINT64_C(1000000000)
#define SLICE (SECOND / 10)

/* What holds for all windows. */
struct plan {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t address_size;
    struct requests requests;
    unsigned connections, depth, workers;
    uint64_t timeout, spin, seed;
    int priority; /* of SCHED_FIFO; 0: none */
};

/* One window; times are of CLOCK_MONOTONIC, in ns. Without a rate its loop is closed. */
struct window {
    uint64_t number, length, begin, end;
    double rate;
    bool constant; /* arrivals; otherwise Poisson */
    int only;      /* the only kind of request, or -1 */
    bool is_run, is_last;
};

struct slice {
    uint64_t answered, failed, most;
};

/* What is counted in a window: ANSWERED_AFTER its end; those that WAITED until a connection was
 * free; UNSENT, which were due in it. From SUMS on, it is the most of any worker that counts. */
enum count { CONNECTED, SENT, ANSWERED, ANSWERED_AFTER, WAITED, UNSENT, RECONNECTS, BYTES_IN,
             BYTES_OUT, CPU_NS, SUMS, OLDEST_UNSENT_NS = SUMS, BEGIN_LATE_NS, LOOP_LATE_NS,
             DRAINED_NS, COUNTS };

/* What a worker, or all of them, saw in a window. */
struct tally {
    uint64_t counts[COUNTS], failures[FAILURES];
    struct histogram latency, lateness;
    struct slice *slices;
    size_t slice_count;
};

struct worker {
    const struct plan *plan;
    struct window *window;
    pthread_barrier_t *barrier;
    pthread_t thread;
    unsigned number, connections;
    int cpu;
    bool is_realtime;
    struct tally tally;
};

uint64_t now_ns(void);
void tally_begin(struct tally *tally, const struct window *window);

/* Run windows, in four steps that all workers and the main thread take together (`barrier`):
 * the window is known, the connections are open, it begins, all is counted. */
void *worker_run(void *worker);

#endif
