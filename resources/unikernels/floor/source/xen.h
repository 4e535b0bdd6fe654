/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's interface to Xen. Numbers and structures are those of Xen's public headers, below xen/include/public of its
 * sources, in the 32-bit form; a comment names the header of each.
 */
#ifndef XEN_H
#define XEN_H

#include <stdbool.h>
#include <stdint.h>

enum { PAGE = 4096, OURSELVES = 0x7ff0 /* xen.h: DOMID_SELF */ };

/* xen.h: the hypercalls. */
enum hypercall { MEMORY = 12, GRANT_TABLE = 20, SCHEDULE = 29, EVENT_CHANNEL = 32, HVM = 34 };

/* memory.h: what can be mapped. */
enum space { SHARED_INFO = 0, GRANTS = 1 };

/* hvm/params.h: parameters of the domain. */
enum parameter { STORE_FRAME = 1, STORE_CHANNEL = 2, CONSOLE_FRAME = 17, CONSOLE_CHANNEL = 18 };

/* sched.h: why a domain ends. */
enum reason { POWERED_OFF = 0, REBOOTS = 1, CRASHED = 3 };

/* xen.h: struct vcpu_time_info. */
struct time_info {
    uint32_t version, unused;
    uint64_t tsc, ns;
    uint32_t multiplier;
    int8_t shift;
    uint8_t flags, unused_too[2];
};

/* xen.h: struct vcpu_info. */
struct processor_info {
    uint8_t is_pending, is_masked, unused[2];
    uint32_t pending_words, of_architecture[6];
    struct time_info time;
};

/* xen.h: struct shared_info; the rest is not needed. */
struct shared_info {
    struct processor_info processors[32];
    uint32_t pending[32], masked[32];
};

/* Detects Xen, and sets up hypercalls; nothing else of this file works before. */
bool enter_xen(void);

/* Calls Xen, and returns its answer: below 0, it refuses. */
int32_t call_xen(enum hypercall number, uint32_t operation, void *argument, uint32_t count);

uint64_t parameter(enum parameter number);

/* Maps the first page of a space at `page`, instead of the memory there. */
void map_page(enum space space, void *page);

/* The page that Xen shares with the guest. */
volatile struct shared_info *shared_info(void);

_Noreturn void end_domain(enum reason reason);

#endif
