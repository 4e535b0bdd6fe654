/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's network card: what it calls a vif, of which this is the front. */
#ifndef VIF_H
#define VIF_H

#include "packets.h"

/* These do what struct machine says. */
void start_vif(uint8_t *mac);
size_t receive_by_vif(uint8_t *frame);
bool send_by_vif(const uint8_t *frame, size_t count);

/* The channel by which the back tells. */
uint32_t channel_of_vif(void);

#endif
