# SPDX-License-Identifier: Apache-2.0
"""Signed ranks: the paired test and interval that assume symmetry, not normality."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import scipy

Side = Literal["two-sided", "greater", "less"]

LEAST_PAIRS = 8
"""Fewer pairs cannot be significant after correction for a few levels: p is at least 2/2^n."""
NOT_NORMAL_P = 0.01
"""Below this p of Shapiro and Wilk's test, the values are not taken for normal."""


def needs_rank_test(values: np.ndarray) -> bool:
    """Return whether values are so far from normal that their ranks must be tested instead."""
    if len(values) < LEAST_PAIRS or np.ptp(values) == 0:
        return False
    return bool(scipy.stats.shapiro(values).pvalue < NOT_NORMAL_P)


def signed_rank_p(values: np.ndarray, centre: float = 0.0, side: Side = "two-sided") -> float:
    """Return Wilcoxon's p for the values' centre of symmetry."""
    return float(scipy.stats.wilcoxon(values - centre, alternative=side).pvalue)


def centre_and_interval(values: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return Hodges and Lehmann's estimate of the centre, and the interval by inverting the test.

    Hollander, Wolfe and Chicken (2014), Nonparametric Statistical Methods, 3.2 and 3.3.
    """
    first, second = np.triu_indices(len(values))
    walsh = np.sort((values[first] + values[second]) / 2)
    left_out = _left_out(len(values), confidence)
    return float(np.median(walsh)), float(walsh[left_out]), float(walsh[-1 - left_out])


@lru_cache(maxsize=256)
def _left_out(pairs: int, confidence: float) -> int:
    """Return how many of the Walsh averages lie outside at each end."""
    counts = np.ones(1)
    for rank in range(1, pairs + 1):
        with_rank = np.zeros(len(counts) + rank)
        with_rank[: len(counts)] += counts / 2
        with_rank[rank:] += counts / 2
        counts = with_rank
    return int(np.searchsorted(np.cumsum(counts), (1 - confidence) / 2, side="right")) - 1
