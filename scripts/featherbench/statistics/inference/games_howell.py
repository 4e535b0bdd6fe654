# SPDX-License-Identifier: Apache-2.0
"""Which platforms differ where their variances do, too: Games and Howell's test.

Games and Howell (1976), Journal of Educational Statistics 1(2): Tukey's test, with each pair's own
variances and Welch's degrees of freedom. scipy's `tukey_hsd(equal_var=False)` gives the same, and
takes a quarter of a minute for the pairs of a dozen platforms.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from featherbench.statistics.conventions import DEPLOYMENT, LEVEL, PAIR
from featherbench.statistics.data.replicates import ROUNDING, comparisons, obstacle
from featherbench.statistics.inference.studentized_range import critical, survival
from featherbench.statistics.inference.tukey import COLUMNS, CONFIDENCE, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GAMES_HOWELL = "Games-Howell"
KNOTS = 48
"""Of the spline through the critical values: it is within 1e-5 of them."""


def games_howell(samples: pd.DataFrame) -> pd.DataFrame:
    """Compare every pair of platforms at each level, in the columns of `posthoc`.

    Deployments are the replicates. `p_adj` and the interval hold for all pairs at a level.
    """
    return compare(one for one in comparisons(samples) if one[1] == DEPLOYMENT)


def compare(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Compare at each level, in groups by metric and kind of replicate: also of summaries."""
    rows = [
        {"metric": metric, "concurrency": level, "replicate": replicate} | row
        for metric, replicate, groups in compared
        for level, family in groups.groupby("concurrency", sort=True)
        for row in _pairs(family)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(test=GAMES_HOWELL, error=PAIR, scope=LEVEL)


def _pairs(family: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if len(family) > 1:
        base, other = np.array(list(combinations(range(len(family)), 2))).T
        note = obstacle(family)
        tested = {} if note else _tested(family, other, base)
        table = pd.DataFrame(named(family, other, base) | tested | {"note": note})
        if not note:
            table.loc[table["p_adj"].isna(), "note"] = "too few values, or they do not vary"
        yield from table.to_dict("records")  # type: ignore[misc]


def _tested(family: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    n, means = family["n"].to_numpy(float), family["mean"].to_numpy(float)
    sd = family["sd"].where(family["sd"] > ROUNDING * family["mean"].abs(), 0.0).to_numpy(float)
    of_mean = np.where(n > 1, sd**2 / n, np.nan)
    variance = of_mean[a] + of_mean[b]
    variance[variance == 0] = np.nan
    df = variance**2 / sum(of_mean[side] ** 2 / np.maximum(n[side] - 1, 1) for side in (a, b))
    error, difference = np.sqrt(variance / 2), means[a] - means[b]
    half = _critical(len(family), df) * error
    return {
        "ci_low": difference - half,
        "ci_high": difference + half,
        "p_adj": _survival(np.abs(difference) / error, len(family), df),
    }


def _survival(q: np.ndarray, platforms: int, df: np.ndarray) -> np.ndarray:
    """Give p of each pair; NaN where it has no degrees of freedom."""
    found = np.full(len(q), np.nan)
    for index in np.flatnonzero(np.isfinite(df)):
        found[index] = survival(q[[index]], platforms, float(df[index]))[0]
    return found


def _critical(platforms: int, df: np.ndarray) -> np.ndarray:
    return np.exp(_log_critical(platforms)(1 / df))


@lru_cache(maxsize=64)
def _log_critical(platforms: int) -> CubicSpline:
    """Draw a curve through critical values over 1/df, on which they are smooth."""
    inverse = (1 - np.cos(np.linspace(0.01, np.pi, KNOTS))) / 2
    values = [critical(CONFIDENCE, platforms, 1 / one) for one in inverse]
    return CubicSpline(inverse, np.log(values))
