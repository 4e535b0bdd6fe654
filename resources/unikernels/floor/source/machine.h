/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MACHINE_H
#define MACHINE_H

#include "packets.h"

/* The machine that floor runs on, and its operations. */
struct machine {
    /* Writes to the console. It never blocks: output that the console does not take is lost. */
    void (*write)(const char *text);

    /* Finds and starts the network card, and writes its MAC to `mac`; gives up if there is none. */
    void (*start)(uint8_t *mac);

    /* Writes the next received frame to `frame`, and returns its bytes, at most FRAME_BYTES; 0: there is none. */
    size_t (*receive)(uint8_t *frame);

    /* Sends a frame of at most FRAME_BYTES. False: the card's queue is full, and the frame is lost. */
    bool (*send)(const uint8_t *frame, size_t count);

    /* Makes the next sleep end in about 50 ms: there is no other tick. */
    void (*wake_up_soon)(void);

    /* Sleeps until a frame arrives or the time is over; it may return early. */
    void (*sleep)(void);

    /* Ends it, as a failure. */
    void (*stop)(void) __attribute__((noreturn));
};

/* A PC of QEMU with a virtio card, and a domain of Xen with its vif. */
extern const struct machine pc, xen;

/* The machine in use. */
extern const struct machine *machine;

/* Sets it; must be called first. */
void find_machine(void);

#endif
