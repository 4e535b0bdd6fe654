# SPDX-License-Identifier: Apache-2.0
"""Whether values cluster around one point or around several.

Engelman and Hartigan (1969), JASA 64: the split in two that leaves the least variation within the
parts. It is compared with that of uniform values, the hardest case with one mode, so that skewed or
normal values pass. A part of less than a fifth counts as outliers, not as a mode.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

LEAST_VALUES = 12
LEAST_PART = 0.2
MOST_VALUES = 500
"""Of more values, this many quantiles are tested: they show two modes just as well."""
SIMULATED = 4000
SEED = 1969


def several_modes(values: np.ndarray) -> tuple[float, float]:
    """Return how much of the variance the best split explains, and p for a single mode.

    Both are NaN for fewer than LEAST_VALUES values, or values that do not vary.
    """
    if len(values) < LEAST_VALUES or np.ptp(values) == 0:
        return np.nan, np.nan
    if len(values) > MOST_VALUES:
        values = np.quantile(values, (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES)
    explained = float(_explained(np.sort(values)[None])[0])
    simulated = _under_one_mode(len(values))
    p = (1 + np.count_nonzero(simulated >= explained)) / (1 + len(simulated))
    return explained, float(p)


@lru_cache(maxsize=64)
def _under_one_mode(count: int) -> np.ndarray:
    uniform = np.random.default_rng(SEED).random((SIMULATED, count))
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
