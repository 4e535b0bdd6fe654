/* SPDX-License-Identifier: Apache-2.0
 *
 * A log-linear histogram of nanoseconds: exact below 256, then 128 buckets for each power of two,
 * so that a bucket's middle differs from what is in it by less than 0.4 %.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { SUB_BITS = 7, VALUE_BITS = 43, BUCKETS = (VALUE_BITS - SUB_BITS + 1) << SUB_BITS };

struct histogram {
    uint64_t count, sum, least, most, buckets[BUCKETS];
};

static inline unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value >> VALUE_BITS != 0)
        value = (UINT64_C(1) << VALUE_BITS) - 1;
    if (value < 2u << SUB_BITS)
        return (unsigned)value;
    shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return (shift << SUB_BITS) + (unsigned)(value >> shift);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    if (value < histogram->least || histogram->count == 0)
        histogram->least = value;
    if (value > histogram->most)
        histogram->most = value;
    histogram->count++;
    histogram->sum += value;
    histogram->buckets[bucket_of(value)]++;
}

uint64_t bucket_least(unsigned bucket);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value below or at which the share `quantile` of all values is; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

/* Write it as an object of JSON: statistics in us, and [least ns, count] of each used bucket. */
void histogram_write(const struct histogram *histogram, FILE *to);

#endif
