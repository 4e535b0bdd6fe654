# SPDX-License-Identifier: Apache-2.0
"""Latencies of several windows as one: statistics of their merged histograms.

A percentile of several windows is that of all their latencies, and not the mean of their
percentiles: a stall that hits one window would count for a fraction of itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

Histogram = Iterable[tuple[int, int]]
"""The least ns of each bucket that is not empty, and its count; see docs/load.md."""
SUB_BITS = 7
"""A bucket is as wide as this power of two is in its values: 0.8 % of them."""


def merged(histograms: Iterable[Histogram]) -> dict[int, int]:
    """Return the counts of all, by the least ns of the bucket, in ascending order."""
    counts: Counter[int] = Counter()
    for histogram in histograms:
        for least_ns, count in histogram:
            counts[least_ns] += count
    return dict(sorted(counts.items()))


def middle_ns(least_ns: int) -> int:
    """Return the middle of a bucket, from which no value in it differs by more than 0.4 %."""
    return least_ns + (1 << max(0, least_ns.bit_length() - 1 - SUB_BITS)) // 2


def quantile_us(counts: Mapping[int, int], share: float) -> float:
    """Return the latency below or at which this share of all is, as the load generator does."""
    wanted = share * sum(counts.values())
    reached = zip(counts, accumulate(counts.values()), strict=True)
    return middle_ns(next(least_ns for least_ns, seen in reached if seen >= wanted)) / 1e3


def mean_us(counts: Mapping[int, int]) -> float:
    """Return the mean latency."""
    return (
        sum(middle_ns(least_ns) * n for least_ns, n in counts.items()) / sum(counts.values()) / 1e3
    )


def statistic_us(counts: Mapping[int, int], name: str, most_us: float) -> float:
    """Return a statistic by its name: `mean`, a quantile such as `p999`, or `max`.

    `most_us` is the maximum, which a histogram has not; nothing is above it.
    """
    if name == "max":
        return most_us
    value_us = mean_us(counts) if name == "mean" else quantile_us(counts, float(f"0.{name[1:]}"))
    return min(most_us, value_us)
