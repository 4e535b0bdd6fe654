/* SPDX-License-Identifier: Apache-2.0
 *
 * A log-linear histogram of nanoseconds: exact below 256, then 128 buckets for each power of two,
 * so that a bucket's middle differs from what is in it by less than 0.4 %.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>

enum { SUB_BITS = 7, VALUE_BITS = 43, BUCKETS = (VALUE_BITS - SUB_BITS + 1) << SUB_BITS };

struct histogram {
    uint64_t count, sum, least, most, buckets[BUCKETS];
};

static inline unsigned bucket_of(uint64_t value)
{
    if (value >> VALUE_BITS != 0)
        value = (UINT64_C(1) << VALUE_BITS) - 1;
    if (value < 2u << SUB_BITS)
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
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

static inline uint64_t bucket_least(unsigned bucket)
{
    unsigned shift = bucket < 2u << SUB_BITS ? 0 : (bucket >> SUB_BITS) - 1;
    return (uint64_t)(bucket - (shift << SUB_BITS)) << shift;
}

static inline void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count > 0 && (from->least < into->least || into->count == 0))
        into->least = from->least;
    if (from->most > into->most)
        into->most = from->most;
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        into->buckets[bucket] += from->buckets[bucket];
}

/* The value below or at which this share of all values is; there must be some. */
static inline uint64_t quantile_of(const struct histogram *histogram, double share)
{
    unsigned bucket = 0;
    uint64_t seen = histogram->buckets[0];
    while ((double)seen < share * (double)histogram->count && bucket < BUCKETS - 1)
        seen += histogram->buckets[++bucket];
    uint64_t middle = (bucket_least(bucket) + bucket_least(bucket + 1)) / 2;
    if (middle < histogram->least)
        return histogram->least;
    return middle < histogram->most ? middle : histogram->most;
}

/* Print it as an object of JSON: statistics in us, and [least ns, count] of each used bucket. */
static inline void histogram_print(const struct histogram *histogram)
{
    static const struct {
        const char *name;
        double share;
    } shown[] = {{"p50", 0.5},  {"p90", 0.9},    {"p95", 0.95},
                 {"p99", 0.99}, {"p999", 0.999}, {"p9999", 0.9999}};
    printf("{\"count\":%" PRIu64, histogram->count);
    if (histogram->count > 0) {
        printf(",\"mean\":%.3f", (double)histogram->sum / (double)histogram->count / 1e3);
        printf(",\"min\":%.3f,\"max\":%.3f", (double)histogram->least / 1e3,
               (double)histogram->most / 1e3);
        for (unsigned at = 0; at < sizeof shown / sizeof *shown; at++)
            printf(",\"%s\":%.3f", shown[at].name,
                   (double)quantile_of(histogram, shown[at].share) / 1e3);
    }
    const char *separator = "";

    fputs(",\"buckets\":[", stdout);
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        if (histogram->buckets[bucket] > 0) {
            printf("%s[%" PRIu64 ",%" PRIu64 "]", separator, bucket_least(bucket),
                   histogram->buckets[bucket]);
            separator = ",";
        }
    fputs("]}", stdout);
}
