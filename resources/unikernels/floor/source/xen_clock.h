/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XEN_CLOCK_H
#define XEN_CLOCK_H

#include "xen.h"

/* What Xen's clock says when the processor's says `tsc`, by what Xen tells of both. Pure. */
uint64_t clock_ns(const struct time_info *told, uint64_t tsc);

#endif
