# SPDX-License-Identifier: Apache-2.0
"""Whether a level changes at some point: Pettitt's test."""

from __future__ import annotations

import numpy as np
import scipy

LEAST_VALUES = 8
SIMULATED = 4000
SEED = 1979


def change_point(values: np.ndarray) -> tuple[int, float, float]:
    """Return how many values precede the likeliest change, Pettitt's K, and p for no change.

    Pettitt (1979), Applied Statistics 28(2). p is by permutation, since his approximation is poor
    for short series. 0 and NaN for fewer than LEAST_VALUES values, or values that do not vary.
    """
    if len(values) < LEAST_VALUES or np.ptp(values) == 0:
        return 0, np.nan, np.nan
    ranks = scipy.stats.rankdata(values)
    path = _path(ranks[None])[0]
    shuffled = np.random.default_rng(SEED).permuted(np.tile(ranks, (SIMULATED, 1)), axis=1)
    simulated = _path(shuffled).max(axis=1)
    p = (1 + np.count_nonzero(simulated >= path.max())) / (1 + SIMULATED)
    return int(path.argmax()) + 1, float(path.max()), p


def _path(ranks: np.ndarray) -> np.ndarray:
    """Return |U| of every possible point, for each row of ranks."""
    count = ranks.shape[1]
    expected = np.arange(1, count + 1) * (count + 1)
    return np.asarray(np.abs(2 * np.cumsum(ranks, axis=1) - expected)[:, :-1])
