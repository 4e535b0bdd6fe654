# SPDX-License-Identifier: Apache-2.0
"""Latencies of several windows as one: statistics of their merged histograms.

A percentile of several windows is that of all their latencies, and not the mean of their
percentiles: a stall that hits one window would count for a fraction of itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

import numpy as np
import pandas as pd

QUANTILES = (
    *(n / 20 for n in range(1, 18)),
    *(round(1 - 10 ** (-n / 10), 9) for n in range(10, 61)),
)
"""Those of the table: from 90 % on, ten for each further nine."""
LEAST_BEYOND = 10
"""A quantile is told if at least so many latencies lie beyond it."""
COLUMNS = ["metric", "level", "load_point", "platform", "quantile", "value_us", "count"]

Latencies = dict[tuple[str, int, str, str], Counter[int]]
"""Counts by the least ns of the bucket, of the first columns of COLUMNS."""
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


def quantile_table(latencies: Latencies) -> pd.DataFrame:
    """Return the QUANTILES of all latencies, a frame of COLUMNS; `count` is how many they are."""
    rows = []
    for key, counts in latencies.items():
        count = counts.total()
        told = [share for share in QUANTILES if count * (1 - share) >= LEAST_BEYOND]
        values_us = _quantiles_us(counts, told)
        rows += [(*key, share, us, count) for share, us in zip(told, values_us, strict=True)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _quantiles_us(counts: Mapping[int, int], shares: Sequence[float]) -> list[float]:
    """Return what `quantile_us` does for each share, at once."""
    least_ns = sorted(counts)
    seen = np.cumsum([counts[each] for each in least_ns])
    places = np.searchsorted(seen, np.array(shares) * seen[-1])
    return [middle_ns(least_ns[place]) / 1e3 for place in places]
