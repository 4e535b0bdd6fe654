# SPDX-License-Identifier: Apache-2.0
"""Tests of series of values that scipy lacks: modes, a change point, running averages, a trend."""

from functools import lru_cache

import numpy as np
import scipy
from scipy import special

SIMULATED = 4000
MODES_SEED, CHANGE_SEED = 1969, 1979
LEAST_FOR_MODES, LEAST_FOR_CHANGE, LEAST_WINDOWS = 12, 8, 3
LEAST_PART = 0.2
"""A smaller part of the values counts as outliers, not as a mode."""
MOST_VALUES = 500
"""Of more values, this many quantiles are tested: they show two modes just as well."""


def several_modes(values: np.ndarray) -> tuple[float, float]:
    """Return how much of the variance the best split explains, and p for a single mode.

    Engelman and Hartigan (1969), JASA 64: the split in two that leaves the least variation within
    the parts. It is compared with that of uniform values, the hardest case with one mode, so that
    skewed or normal values pass. NaN for fewer than LEAST_FOR_MODES values, or equal ones.
    """
    if len(values) < LEAST_FOR_MODES or np.ptp(values) == 0:
        return np.nan, np.nan
    if len(values) > MOST_VALUES:
        values = np.quantile(values, (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES)
    explained = float(_explained(np.sort(values)[None])[0])
    simulated = _under_one_mode(len(values))
    p = (1 + np.count_nonzero(simulated >= explained)) / (1 + len(simulated))
    return explained, float(p)


@lru_cache(maxsize=64)
def _under_one_mode(count: int) -> np.ndarray:
    uniform = np.random.default_rng(MODES_SEED).random((SIMULATED, count))
    return _explained(np.sort(uniform, axis=1))


def _explained(ordered: np.ndarray) -> np.ndarray:
    """Return the best split's share of each row's sum of squares."""
    count = ordered.shape[1]
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    below = np.arange(1, count)
    allowed = (below >= LEAST_PART * count) & (below <= (1 - LEAST_PART) * count)
    sums = np.cumsum(centred, axis=1)[:, :-1][:, allowed]
    between = sums**2 * count / (below[allowed] * (count - below[allowed]))
    return np.asarray(between.max(axis=1) / (centred**2).sum(axis=1))


def change_point(values: np.ndarray) -> tuple[int, float, float]:
    """Return how many values precede the likeliest change, Pettitt's K, and p for no change.

    Pettitt (1979), Applied Statistics 28(2). p is by permutation, since his approximation is poor
    for short series. 0 and NaN for fewer than LEAST_FOR_CHANGE values, or equal ones.
    """
    if len(values) < LEAST_FOR_CHANGE or np.ptp(values) == 0:
        return 0, np.nan, np.nan
    ranks = scipy.stats.rankdata(values)
    path = _path(ranks[None])[0]
    shuffled = np.random.default_rng(CHANGE_SEED).permuted(np.tile(ranks, (SIMULATED, 1)), axis=1)
    simulated = _path(shuffled).max(axis=1)
    p = (1 + np.count_nonzero(simulated >= path.max())) / (1 + SIMULATED)
    return int(path.argmax()) + 1, float(path.max()), p


def _path(ranks: np.ndarray) -> np.ndarray:
    """Return |U| of every possible point, for each row of ranks."""
    count = ranks.shape[1]
    expected = np.arange(1, count + 1) * (count + 1)
    return np.asarray(np.abs(2 * np.cumsum(ranks, axis=1) - expected)[:, :-1])


def running_averages(windows: np.ndarray) -> tuple[float, float]:
    """Return the log likelihood ratio of running averages to independent values, and p.

    `windows` has a row for each deployment, with its windows in order. The k-th average of a
    growing log differs from the one before by the deviation of its newest value over k, so the
    steps, times sqrt(k(k-1)), have equal variances. Steps of independent values have equal
    variances themselves. Both models are normal with an unknown mean for each row and one unknown
    variance. A ratio of x has a probability of at most 1/x (Markov's inequality), which is p of
    independent values. Both are NaN if nothing varies.
    """
    rows, count = windows.shape
    k = np.arange(2, count + 1)
    averaged = float((np.diff(windows, axis=1) ** 2 * k * (k - 1)).sum())
    single = float(((windows - windows.mean(axis=1, keepdims=True)) ** 2).sum())
    if count < LEAST_WINDOWS or single <= 0 or averaged <= 0:
        return np.nan, np.nan
    determinants = (special.gammaln(count + 1) + special.gammaln(count) + np.log(count)) / 2
    likelier = rows * (determinants + (count - 1) / 2 * np.log(single / averaged))
    return float(likelier), float(np.exp(-max(0.0, likelier)))


def trend(windows: np.ndarray) -> tuple[float, float]:
    """Test with Page's L whether later windows of each row are faster, or slower.

    Return the mean of the last column over that of the first, and the two-sided p.
    """
    if windows.shape[1] < LEAST_WINDOWS or len(windows) < 2 or np.ptp(windows) == 0:  # noqa: PLR2004 - a pattern repeats
        return np.nan, np.nan
    directions = (windows, windows[:, ::-1])
    p = min(scipy.stats.page_trend_test(w, method="asymptotic").pvalue for w in directions)
    return float(windows[:, -1].mean() / windows[:, 0].mean()), min(1.0, 2 * float(p))
