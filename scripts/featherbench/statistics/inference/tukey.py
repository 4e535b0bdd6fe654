# SPDX-License-Identifier: Apache-2.0
"""Which platforms differ: Tukey's honest significant difference, at each concurrency or over all.

Unequal n after Kramer (1956), Biometrics 12(3). The pairs at one concurrency are a family: `p_adj`
and the interval hold for all of them at once. So are the pairs over all concurrencies.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from featherbench.statistics.conventions import ALL_LEVELS, CONFIDENCE, LEVEL, TEST_COLUMNS
from featherbench.statistics.data.replicates import comparisons, obstacle, squares_within
from featherbench.statistics.inference.studentized_range import critical, survival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Compared = Iterable[tuple[str, str, pd.DataFrame]]
    """Metric, kind of replicate, and groups: see `data/replicates.py`."""

TUKEY_KRAMER = "Tukey-Kramer"
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

    `difference` is the mean of `platform_a` minus that of `platform_b`, with its 95 % interval
    `ci_low` to `ci_high`, in the metric's unit; `ratio` is a's mean over b's. The platform that
    comes first in the samples is `platform_b`, the base. Columns that cannot be computed are NaN,
    and `note` says why.
    """
    return compare(comparisons(samples))


def compare(compared: Compared) -> pd.DataFrame:
    """Compare at each level, with the variation within that level as the error."""
    rows = at_each_level(compared, lambda family, _: pairs(family))
    return pairs_table(rows, test=TUKEY_KRAMER, error=LEVEL, scope=LEVEL)


def compare_with_common_error(compared: Compared) -> pd.DataFrame:
    """Compare at each level, if there are several, with the variation within all as the error.

    This is how Tukey's test follows a two-way analysis of variance, whose error it takes: it has
    more degrees of freedom, and assumes the same deviation at every level.
    """
    rows = at_each_level(_with_levels(compared), _pairs)
    return pairs_table(rows, test=TUKEY_KRAMER, error=ALL_LEVELS, scope=LEVEL)


def compare_over_levels(compared: Compared) -> pd.DataFrame:
    """Compare over all levels, if there are several; `concurrency` is missing.

    A platform's mean is the unweighted mean of its means at all levels. The error is the variation
    within the groups of platform and concurrency, as in the two-way analysis of variance. A
    platform without a value at some level is left out.
    """
    rows = (
        {"metric": metric, "replicate": replicate} | row
        for metric, replicate, groups in _with_levels(compared)
        for row in _pairs(_over_levels(groups), groups)
    )
    return pairs_table(rows, test=TUKEY_KRAMER, error=ALL_LEVELS, scope=ALL_LEVELS)


def pairs(family: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table for the groups of one concurrency."""
    return _pairs(family, family)


def at_each_level(
    compared: Compared, pairs_of: Callable[[pd.DataFrame, pd.DataFrame], Iterable[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield the rows that `pairs_of` makes of the groups at a level, and those at all levels."""
    for metric, replicate, groups in compared:
        for level, family in groups.groupby("concurrency", sort=True):
            for row in pairs_of(family, groups):
                yield {"metric": metric, "concurrency": level, "replicate": replicate} | row


def pairs_table(rows: Iterable[dict[str, Any]], **constant: str) -> pd.DataFrame:
    """Return a frame of COLUMNS; `constant` columns have one value in all rows."""
    return pd.DataFrame(list(rows), columns=COLUMNS).assign(**constant)


def pair_rows(
    family: pd.DataFrame, note: str, test: Callable[[np.ndarray, np.ndarray], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Compare the means of all pairs; without a `note`, add the columns of `test`.

    `test` takes the positions of the first and of the second groups of all pairs.
    """
    positions = list(combinations(range(len(family)), 2))
    if not positions:
        return
    b, a = np.array(positions).T
    names, means = family["platform"].to_numpy(object), family["mean"].to_numpy(float)
    columns = {
        "platform_a": names[a],
        "platform_b": names[b],
        "difference": means[a] - means[b],
        "ratio": np.divide(means[a], means[b], out=np.full(len(a), np.nan), where=means[b] != 0),
        "note": note,
    }
    yield from pd.DataFrame(columns | ({} if note else test(a, b))).to_dict("records")  # type: ignore[misc]


def _with_levels(compared: Compared) -> Iterator[tuple[str, str, pd.DataFrame]]:
    return (groups for groups in compared if len(groups[2]["concurrency"].unique()) > 1)


def _over_levels(groups: pd.DataFrame) -> pd.DataFrame:
    """Average each platform over all levels; `n` is such that the mean's variance is sd^2 / n."""
    platforms = groups.groupby("platform", sort=False)
    complete = platforms.filter(lambda rows: len(rows) == groups["concurrency"].nunique())
    inverses = complete.assign(inverse=1 / complete["n"]).groupby("platform", sort=False)
    averaged = inverses.agg(levels=("n", "size"), inverse=("inverse", "sum"), mean=("mean", "mean"))
    return averaged.assign(n=averaged["levels"] ** 2 / averaged["inverse"]).reset_index()


def _pairs(family: pd.DataFrame, groups: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Compare the pairs of `family`, with the variation within `groups` as the error."""
    return pair_rows(family, obstacle(groups), partial(_tested, family, groups))


def _tested(
    family: pd.DataFrame, groups: pd.DataFrame, a: np.ndarray, b: np.ndarray
) -> dict[str, np.ndarray]:
    n, means = family["n"].to_numpy(float), family["mean"].to_numpy(float)
    within, df_resid = squares_within(groups)
    error = np.sqrt(within / df_resid / 2 * (1 / n[a] + 1 / n[b]))
    difference = means[a] - means[b]
    half = critical(CONFIDENCE, len(family), df_resid) * error
    return {
        "ci_low": difference - half,
        "ci_high": difference + half,
        "p_adj": survival(np.abs(difference) / error, len(family), df_resid),
    }
