/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XEN_CLOCK_H
#define XEN_CLOCK_H

#include "xen.h"

/* Xen's time when the processor's counter is `tsc`, by Xen's data on both. Pure. */
uint64_t clock_ns(const struct time_info *told, uint64_t tsc);

#endif
