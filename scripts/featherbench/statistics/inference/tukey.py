# SPDX-License-Identifier: Apache-2.0
"""Which platforms differ: Tukey's honest significant difference, at each concurrency or over all.

Unequal n after Kramer (1956), Biometrics 12(3). The pairs at one concurrency are a family: `p_adj`
and the interval hold for all of them at once. So are the pairs over all concurrencies.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from featherbench.statistics.conventions import ALL_LEVELS, LEVEL, TEST_COLUMNS
from featherbench.statistics.data.replicates import comparisons, obstacle, squares_within
from featherbench.statistics.inference.studentized_range import critical, survival

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TUKEY_KRAMER = "Tukey-Kramer"
CONFIDENCE = 0.95
COLUMNS = [
    "metric",
    "concurrency",
    "platform_a",
    "platform_b",
    "difference",
    "ratio",
    "ci_low",
    "ci_high",
    "p_adj",
    *TEST_COLUMNS,
    "note",
]


def posthoc(samples: pd.DataFrame) -> pd.DataFrame:
    """Compare every pair of platforms, for every main metric and level, into a frame of COLUMNS.

    `difference` is the mean of `platform_a` less that of `platform_b`, with its 95 % interval
    `ci_low` to `ci_high`, in the metric's unit; `ratio` is a's mean over b's. The earlier platform
    in the samples is `platform_b`, the base. What cannot be tested has NaN, and a `note` says why.
    """
    return compare(comparisons(samples))


def compare(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Compare at each level, in groups by metric and kind of replicate."""
    rows = [
        {"metric": metric, "concurrency": level, "replicate": replicate, "error": LEVEL} | row
        for metric, replicate, groups in compared
        for level, family in groups.groupby("concurrency", sort=True)
        for row in pairs(family)
    ]
    return _table(rows, LEVEL)


def compare_with_common_error(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Compare at each level, where there are several, with the error within all levels' groups.

    That is how Tukey's test follows a two-way analysis of variance, whose error it takes: more
    degrees of freedom, and the assumption that the deviation is the same at every level.
    """
    rows = [
        {"metric": metric, "concurrency": level, "replicate": replicate, "error": ALL_LEVELS} | row
        for metric, replicate, groups in compared
        if _sweeps(groups)
        for level, family in groups.groupby("concurrency", sort=True)
        for row in _pairs(family, groups)
    ]
    return _table(rows, LEVEL)


def compare_over_levels(compared: Iterable[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """Compare over all levels, where there are several; `concurrency` is missing.

    A platform's mean is that of its means at all levels, each counting alike; the error is that
    within the groups of platform and concurrency, as in the two-way analysis of variance. A
    platform that lacks a level is left out.
    """
    rows = [
        {"metric": metric, "replicate": replicate, "error": ALL_LEVELS} | row
        for metric, replicate, groups in compared
        if _sweeps(groups)
        for row in _pairs(_over_levels(groups), groups)
    ]
    return _table(rows, ALL_LEVELS)


def _table(rows: list[dict[str, Any]], scope: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).assign(test=TUKEY_KRAMER, scope=scope)


def pairs(family: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Give the rows of the table for the groups of one concurrency."""
    return _pairs(family, family)


def _sweeps(groups: pd.DataFrame) -> bool:
    return len(groups["concurrency"].unique()) > 1


def _over_levels(groups: pd.DataFrame) -> pd.DataFrame:
    """Average each platform over all levels; `n` is such that the mean's variance is sd^2 / n."""
    platforms = groups.groupby("platform", sort=False)
    whole = platforms.filter(lambda own: len(own) == groups["concurrency"].nunique())
    found = whole.assign(inverse=1 / whole["n"]).groupby("platform", sort=False)
    averaged = found.agg(levels=("n", "size"), inverse=("inverse", "sum"), mean=("mean", "mean"))
    return averaged.assign(n=averaged["levels"] ** 2 / averaged["inverse"]).reset_index()


def _pairs(family: pd.DataFrame, groups: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Compare the pairs of `family`, with the error that is within `groups`."""
    found = list(combinations(range(len(family)), 2))
    if found:
        base, other = np.array(found).T
        note = obstacle(groups)
        tested = {} if note else _tested(family, other, base, squares_within(groups))
        table = named(family, other, base) | tested
        yield from pd.DataFrame(table | {"note": note}).to_dict("records")  # type: ignore[misc]


def named(family: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """Give the columns that name the pairs of groups `a` and `b`, and compare their means."""
    names, means = family["platform"].to_numpy(object), family["mean"].to_numpy(float)
    ratio = np.divide(means[a], means[b], out=np.full(len(a), np.nan), where=means[b] != 0)
    return {
        "platform_a": names[a],
        "platform_b": names[b],
        "difference": means[a] - means[b],
        "ratio": ratio,
    }


def _tested(
    family: pd.DataFrame, a: np.ndarray, b: np.ndarray, error_squares: tuple[float, int]
) -> dict[str, np.ndarray]:
    n, means = family["n"].to_numpy(float), family["mean"].to_numpy(float)
    within, df_resid = error_squares
    error = np.sqrt(within / df_resid / 2 * (1 / n[a] + 1 / n[b]))
    difference = means[a] - means[b]
    half = critical(CONFIDENCE, len(family), df_resid) * error
    return {
        "ci_low": difference - half,
        "ci_high": difference + half,
        "p_adj": survival(np.abs(difference) / error, len(family), df_resid),
    }
