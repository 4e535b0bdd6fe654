/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MACHINE_H
#define MACHINE_H

#include "packets.h"

/* What we run on, and how it does what we need. */
struct machine {
    /* Writes to the console. One that is stuck holds nothing up: what it does not take is lost. */
    void (*write)(const char *text);

    /* Finds and starts the network card, whose MAC is written to `mac`; gives up where there is none. */
    void (*start)(uint8_t *mac);

    /* Gives the bytes of the next frame that came, at most FRAME_BYTES, having written it to `frame`; 0: none. */
    size_t (*receive)(uint8_t *frame);

    /* Sends a frame of at most FRAME_BYTES. False: the card still has all that it can hold, and this is lost. */
    bool (*send)(const uint8_t *frame, size_t count);

    /* Has the next sleep end in about 50 ms: there is no other tick. */
    void (*wake_up_soon)(void);

    /* Sleeps until a frame has come or the time is there; it may end for nothing. */
    void (*sleep)(void);

    /* Ends it, as a failure. */
    void (*stop)(void) __attribute__((noreturn));
};

/* A PC as QEMU makes it, with a virtio card, and a domain of Xen's with its vif. */
extern const struct machine pc, xen;

/* The one that we are on. */
extern const struct machine *machine;

/* Sets it; comes before all else. */
void find_machine(void);

#endif
