# SPDX-License-Identifier: Apache-2.0
"""Which platforms differ if their variances differ, too: Games and Howell's test.

Games and Howell (1976), Journal of Educational Statistics 1(2): Tukey's test, with each pair's own
variances and Welch's degrees of freedom. scipy's `tukey_hsd(equal_var=False)` gives the same, but
takes 15 s for the pairs of a dozen platforms.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.interpolate import CubicSpline

from featherbench.statistics.conventions import CONFIDENCE, DEPLOYMENT, LEVEL, PAIR, ROUNDING
from featherbench.statistics.data.replicates import comparisons, obstacle
from featherbench.statistics.inference.studentized_range import critical, survival
from featherbench.statistics.inference.tukey import at_each_level, pair_rows, pairs_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

GAMES_HOWELL = "Games-Howell"
KNOTS = 48
"""Of the spline through the critical values: its error is below 1e-5."""


def games_howell(samples: pd.DataFrame) -> pd.DataFrame:
    """Compare every pair of platforms at each level, in the columns of `tukey.posthoc`.

    Deployments are the replicates. `p_adj` and the interval hold for all pairs at a level.
    """
    return compare(groups for groups in comparisons(samples) if groups[1] == DEPLOYMENT)


def compare(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Compare groups by metric and kind of replicate at each level; also those of summaries."""
    rows = at_each_level(
        compared,
        lambda family, _: pair_rows(family, obstacle(family), partial(_tested, family)),
    )
    return pairs_table(rows, test=GAMES_HOWELL, error=PAIR, scope=LEVEL)


def _tested(family: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    n, means = family["n"].to_numpy(float), family["mean"].to_numpy(float)
    sd = family["sd"].where(family["sd"] > ROUNDING * family["mean"].abs(), 0.0).to_numpy(float)
    of_mean = np.where(n > 1, sd**2 / n, np.nan)
    variance = of_mean[a] + of_mean[b]
    variance[variance == 0] = np.nan
    df = variance**2 / sum(of_mean[side] ** 2 / np.maximum(n[side] - 1, 1) for side in (a, b))
    error, difference = np.sqrt(variance / 2), means[a] - means[b]
    half = _critical(len(family), df) * error
    p = _survival(np.abs(difference) / error, len(family), df)
    return {
        "ci_low": difference - half,
        "ci_high": difference + half,
        "p_adj": p,
        "note": np.where(np.isnan(p), "too few values, or they do not vary", ""),
    }


def _survival(q: np.ndarray, platforms: int, df: np.ndarray) -> np.ndarray:
    """Return p of each pair; NaN if it has no degrees of freedom."""
    p = np.full(len(q), np.nan)
    for index in np.flatnonzero(np.isfinite(df)):
        p[index] = survival(q[[index]], platforms, float(df[index]))[0]
    return p


def _critical(platforms: int, df: np.ndarray) -> np.ndarray:
    return np.exp(_log_critical(platforms)(1 / df))


@lru_cache(maxsize=64)
def _log_critical(platforms: int) -> CubicSpline:
    """Return a spline through the logarithms of critical values over 1/df, which are smooth."""
    inverses = (1 - np.cos(np.linspace(0.01, np.pi, KNOTS))) / 2
    values = [critical(CONFIDENCE, platforms, 1 / inverse) for inverse in inverses]
    return CubicSpline(inverses, np.log(values))
