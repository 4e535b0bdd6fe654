/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARD_H
#define CARD_H

#include "packets.h"

#include <stdbool.h>

/* Finds and starts the network card, whose MAC is written to `mac`; gives up where there is none. */
void start_card(uint8_t *mac);

/* Which interrupt line is its, and how its interrupt is taken back. */
uint8_t line_of_card(void);
void quiet_card(void);

/* Gives the bytes of the next frame that came, at most FRAME_BYTES, having written it to `frame`; 0: none. */
size_t receive(uint8_t *frame);

/* Sends a frame of at most FRAME_BYTES. False: the card still has all that it can hold, and this is lost. */
bool send(const uint8_t *frame, size_t count);

#endif
