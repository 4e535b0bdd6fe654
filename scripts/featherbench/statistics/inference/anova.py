# SPDX-License-Identifier: Apache-2.0
"""Analysis of variance: platform x concurrency with interaction, as in the paper.

Sums of squares are of type II, by comparing least-squares models: each main effect is adjusted for
the other one, not for the interaction (Fox, Applied Regression Analysis, 8.2). The models are
fitted to the groups' means, weighted by n, which gives the same sums of squares as the single
values do, and works from published means and deviations as well.

If n is unequal, least squares gives large groups more weight. The analysis of unweighted means
(Yates 1934, JASA 29(185)) gives all the same, with the harmonic mean of n; so does the paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy

from featherbench.statistics.conventions import ALL_LEVELS, TEST_COLUMNS
from featherbench.statistics.data.replicates import comparisons, obstacle, squares_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TESTS = ("one-way ANOVA", "two-way ANOVA")
UNWEIGHTED_TESTS = ("one-way ANOVA of unweighted means", "two-way ANOVA of unweighted means")
COLUMNS = [
    "metric",
    *TEST_COLUMNS,
    "effect",
    "df",
    "df_resid",
    "F",
    "p",
    "partial_eta_squared",
    "partial_omega_squared",
    "note",
]


def anova(samples: pd.DataFrame) -> pd.DataFrame:
    """Analyse every main metric, into a frame of COLUMNS with one row per effect.

    If a metric cannot be analysed, its row has NaN, and `note` says why.
    """
    return analyse(comparisons(samples))


def analyse(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Analyse groups by metric and kind of replicate: see `data/replicates.py`."""
    return _table(compared, unweighted=False)


def analyse_unweighted(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Analyse unweighted means, of the metrics for which the result differs: those of unequal n."""
    return _table((groups for groups in compared if not _balanced(groups[2])), unweighted=True)


def _table(compared: Iterable[tuple[str, str, pd.DataFrame]], *, unweighted: bool) -> pd.DataFrame:
    rows = [
        {"metric": metric, "test": _test_name(groups, unweighted=unweighted)}
        | {"replicate": replicate}
        | row
        for metric, replicate, groups in compared
        for row in effects(groups, unweighted=unweighted)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).assign(error="", scope=ALL_LEVELS)


def effects(groups: pd.DataFrame, *, unweighted: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table for groups of platform, concurrency, n, mean and sd.

    The effects are platform, concurrency and their interaction; with a single concurrency,
    platform alone: a one-way analysis.
    """
    counted = groups.assign(n=harmonic_n(groups)) if unweighted else groups
    note = obstacle(groups)
    sums = _sums_of_squares(counted) if _distinct(groups, "platform") > 1 else {}
    for effect, (squares, freedom) in (sums or {"platform": (np.nan, np.nan)}).items():
        remark = _remark(groups, unweighted=unweighted)
        row = {"effect": effect, "df": freedom, "note": note or remark}
        yield row | ({} if note else _test(squares, freedom, groups))


def harmonic_n(groups: pd.DataFrame) -> float:
    """Return the harmonic mean of the groups' n: the weight of each in unweighted means."""
    return float(scipy.stats.hmean(groups["n"].to_numpy(float)))


def _sums_of_squares(groups: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the sum of squares and the degrees of freedom of each effect in the design."""
    platforms = pd.get_dummies(groups["platform"]).to_numpy(float)
    levels = pd.get_dummies(groups["concurrency"]).to_numpy(float)
    by_level, by_platform = _fit(levels, groups), _fit(platforms, groups)
    additive, saturated = _fit(np.hstack([platforms, levels]), groups), (0.0, len(groups))
    gains = {
        "platform": _gain(by_level, additive),
        "concurrency": _gain(by_platform, additive),
        "platform:concurrency": _gain(additive, saturated),
    }
    return {effect: gain for effect, gain in gains.items() if gain[1] > 0}


def _fit(design: np.ndarray, groups: pd.DataFrame) -> tuple[float, int]:
    """Fit by weighted least squares; return the residual sum of squares, and the rank."""
    weights = np.sqrt(groups["n"].to_numpy(float))
    means = groups["mean"].to_numpy(float)
    centred = means - np.average(means, weights=weights**2)
    solution, _, rank, _ = np.linalg.lstsq(design * weights[:, None], centred * weights)
    residuals = (centred - design @ solution) * weights
    return float(residuals @ residuals), int(rank)


def _gain(small: tuple[float, int], large: tuple[float, int]) -> tuple[float, int]:
    return max(small[0] - large[0], 0.0), large[1] - small[1]


def _test(squares: float, freedom: float, groups: pd.DataFrame) -> dict[str, Any]:
    """Test one effect; effect sizes after Olejnik and Algina (2003), Psychological Methods 8(4)."""
    within, df_resid = squares_within(groups)
    error = within / df_resid
    ratio = squares / freedom / error
    surplus = freedom * (ratio - 1)
    return {
        "df_resid": df_resid,
        "F": ratio,
        "p": float(scipy.stats.f.sf(ratio, freedom, df_resid)),
        "partial_eta_squared": squares / (squares + within),
        "partial_omega_squared": surplus / (surplus + float(groups["n"].sum())),
    }


def _test_name(groups: pd.DataFrame, *, unweighted: bool) -> str:
    one_way, two_way = UNWEIGHTED_TESTS if unweighted else TESTS
    return two_way if _distinct(groups, "concurrency") > 1 else one_way


def _remark(groups: pd.DataFrame, *, unweighted: bool) -> str:
    """Return what a reader must know about the design."""
    empty = _distinct(groups, "platform") * _distinct(groups, "concurrency") - len(groups)
    if empty:
        return f"{empty} combinations of platform and concurrency have no valid value"
    if _balanced(groups):
        return ""
    if unweighted:
        return f"unbalanced: every mean counts as one of {harmonic_n(groups):.4g} (harmonic mean n)"
    return "unbalanced: type II sums of squares"


def _balanced(groups: pd.DataFrame) -> bool:
    return _distinct(groups, "n") == 1


def _distinct(groups: pd.DataFrame, column: str) -> int:
    return len(groups[column].unique())
