/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include <inttypes.h>

uint64_t bucket_least(unsigned bucket)
{
    unsigned shift = bucket < 2u << SUB_BITS ? 0 : (bucket >> SUB_BITS) - 1;

    return (uint64_t)(bucket - (shift << SUB_BITS)) << shift;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return;
    if (from->least < into->least || into->count == 0)
        into->least = from->least;
    if (from->most > into->most)
        into->most = from->most;
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        into->buckets[bucket] += from->buckets[bucket];
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    double wanted = quantile * (double)histogram->count;
    uint64_t seen = 0, value;

    if (histogram->count == 0)
        return 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen == 0 || (double)seen < wanted)
            continue;
        value = bucket_least(bucket);
        value += (bucket_least(bucket + 1) - value) / 2;
        if (value < histogram->least)
            return histogram->least;
        return value < histogram->most ? value : histogram->most;
    }
    return histogram->most;
}

void histogram_write(const struct histogram *histogram, FILE *to)
{
    static const struct {
        const char *name;
        double quantile;
    } shown[] = {{"p50", 0.5},  {"p90", 0.9},    {"p95", 0.95},
                 {"p99", 0.99}, {"p999", 0.999}, {"p9999", 0.9999}};
    double count = (double)histogram->count;
    const char *separator = "";

    fprintf(to, "{\"count\":%" PRIu64, histogram->count);
    if (histogram->count > 0) {
        fprintf(to, ",\"mean\":%.3f,\"min\":%.3f", (double)histogram->sum / count / 1e3,
                (double)histogram->least / 1e3);
        for (unsigned at = 0; at < sizeof shown / sizeof *shown; at++)
            fprintf(to, ",\"%s\":%.3f", shown[at].name,
                    (double)histogram_quantile(histogram, shown[at].quantile) / 1e3);
        fprintf(to, ",\"max\":%.3f", (double)histogram->most / 1e3);
    }
    fputs(",\"buckets\":[", to);
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        if (histogram->buckets[bucket] > 0) {
            fprintf(to, "%s[%" PRIu64 ",%" PRIu64 "]", separator, bucket_least(bucket),
                    histogram->buckets[bucket]);
            separator = ",";
        }
    fputs("]}", to);
}
