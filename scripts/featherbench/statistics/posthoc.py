# SPDX-License-Identifier: Apache-2.0
"""Which platforms differ: Tukey's honest significant difference, at each concurrency.

Unequal n after Kramer (1956), Biometrics 12(3). The pairs at one concurrency are a family: `p_adj`
and the interval hold for all of them at once.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from featherbench.statistics.replicates import comparisons, obstacle, squares_within
from featherbench.statistics.studentized_range import critical, survival

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "method",
    "note",
]


def posthoc(samples: pd.DataFrame) -> pd.DataFrame:
    """Compare every pair of platforms, for every main metric and level, into a frame of COLUMNS.

    `difference` is the mean of `platform_a` less that of `platform_b`, with its 95 % interval
    `ci_low` to `ci_high`, in the metric's unit; `ratio` is a's mean over b's. The earlier platform
    in the samples is `platform_b`, the base. What cannot be tested has NaN, and a `note` says why.
    """
    rows = [
        {"metric": metric, "concurrency": level, "method": f"Tukey-Kramer, {replicate}"} | row
        for metric, replicate, groups in comparisons(samples)
        for level, family in groups.groupby("concurrency", sort=True)
        for row in pairs(family)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def pairs(family: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Give the rows of the table for the groups of one concurrency."""
    found = list(combinations(range(len(family)), 2))
    if found:
        base, other = np.array(found).T
        note = obstacle(family)
        table = _named(family, other, base) | ({} if note else _tested(family, other, base))
        yield from pd.DataFrame(table | {"note": note}).to_dict("records")  # type: ignore[misc]


def _named(family: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    names, means = family["platform"].to_numpy(object), family["mean"].to_numpy(float)
    ratio = np.divide(means[a], means[b], out=np.full(len(a), np.nan), where=means[b] != 0)
    return {
        "platform_a": names[a],
        "platform_b": names[b],
        "difference": means[a] - means[b],
        "ratio": ratio,
    }


def _tested(family: pd.DataFrame, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    n, means = family["n"].to_numpy(float), family["mean"].to_numpy(float)
    within, df_resid = squares_within(family)
    error = np.sqrt(within / df_resid / 2 * (1 / n[a] + 1 / n[b]))
    difference = means[a] - means[b]
    half = critical(CONFIDENCE, len(family), df_resid) * error
    return {
        "ci_low": difference - half,
        "ci_high": difference + half,
        "p_adj": survival(np.abs(difference) / error, len(family), df_resid),
    }
