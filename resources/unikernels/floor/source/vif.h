/* SPDX-License-Identifier: Apache-2.0 */
/* The front end of Xen's network card, a vif. */
#ifndef VIF_H
#define VIF_H

#include "packets.h"

/* See struct machine. */
void start_vif(uint8_t *mac);
size_t receive_by_vif(uint8_t *frame);
bool send_by_vif(const uint8_t *frame, size_t count);

/* The channel by which the back end notifies. */
uint32_t channel_of_vif(void);

#endif
