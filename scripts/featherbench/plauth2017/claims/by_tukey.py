# SPDX-License-Identifier: Apache-2.0
"""Platforms compared by Tukey's test, as in the paper, from the tables of the analysis.

Intervals and p-values are simultaneous for all pairs of one family.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pandas as pd

from featherbench.plauth2017.claims.pairwise import OVER_ALL, Contrasts
from featherbench.plauth2017.data.published import REPLICATE, SUSPECT
from featherbench.statistics.conventions import ALL_LEVELS, LEVEL, PAIR, SIGNIFICANT_P
from featherbench.statistics.data.replicates import Compared, summarized
from featherbench.statistics.inference.posthoc import (
    compare,
    compare_over_levels,
    compare_with_common_error,
    games_howell,
)
from featherbench.statistics.inference.ratios import ratio_interval
from featherbench.wording.formatting import rows

VERY = 0.0001
"""The p-value below which the paper calls differences of throughput significant."""
ALL_PAIRS = "all pairs of platforms"
TERMS = {
    "every_level": f"Tukey-Kramer at every level, {ALL_PAIRS} at a level as one family",
    "over_all": f"Tukey-Kramer over all levels, {ALL_PAIRS} as one family",
    "one_level": f"Tukey-Kramer, {ALL_PAIRS} as one family",
    "interval": "the simultaneous 95 % interval of the ratio (Tukey-Kramer, Fieller)",
    "not_different": f"no p < {SIGNIFICANT_P}",
    "not_below": f"not significantly below (p < {SIGNIFICANT_P})",
    "not_ahead": f"not significantly ahead at p < {SIGNIFICANT_P}",
}


class Error(StrEnum):
    """The error term of comparisons at a level, in words for the report.

    Comparisons over all levels always use the error of all levels.
    """

    ALL_LEVELS = "the error of all levels"
    LEVEL = "the error within each level alone"
    PAIR = "the standard deviations of the two platforms alone (Games-Howell)"


def tukeys_tests(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the post-hoc table of the published summary, with the errors of groups of platforms.

    Those of pairs, which no verdict needs by default, take longer than all of these.
    """
    return _posthoc(summary, compare, compare_with_common_error, compare_over_levels)


def papers_tests(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the post-hoc table of the published summary, with all error terms."""
    pairs = _posthoc(summary, games_howell)
    return pd.concat([tukeys_tests(summary), pairs], ignore_index=True)


def _posthoc(summary: pd.DataFrame, *tests: Callable[[Compared], pd.DataFrame]) -> pd.DataFrame:
    compared = list(summarized(summary, REPLICATE))
    return pd.concat([test(compared) for test in tests], ignore_index=True)


class ByTukey(Contrasts):
    """All comparisons of a summary and its post-hoc table, with one error term."""

    terms, very = TERMS, VERY

    def __init__(self, summary: pd.DataFrame, posthoc: pd.DataFrame, error: Error) -> None:
        self._error = error
        self._cells = {
            (row["metric"], row["level"], row["platform"]): row
            for row in rows(summary)
            if row["n"] > 0
        }
        self.cells = self._cells.keys()
        self._pairs = {
            (row["metric"], row["platform_a"], row["platform_b"], _level(row)): row
            for row in rows(with_error(posthoc, error))
        }

    def quality_issues(self, metric: str, platform: str) -> dict[str, list[int]]:
        """Return why means of a platform are suspect, and at which levels."""
        issues: dict[str, list[int]] = {}
        for (measured, level, name), row in self._cells.items():
            if (measured, name) == (metric, platform) and row["n_suspect"] > 0:
                issues.setdefault(row["ci_note"].removeprefix(SUSPECT), []).append(level)
        return issues

    def compared(self, metric: str, a: str, b: str, level: int | None) -> dict[str, Any]:
        """Return what a contrast has of the summary; empty if it lacks a or b at that level."""
        sign = 1 if (metric, a, b, level) in self._pairs else -1
        row = self._pairs.get((metric, *((a, b) if sign > 0 else (b, a)), level))
        if row is None:
            return {}
        low, high = sorted((sign * row["ci_low"], sign * row["ci_high"]))
        (mean_a, variance_a), (mean_b, variance_b) = (self._mean(metric, x, level) for x in (a, b))
        # Half the width is c * sqrt(variance_a + variance_b), which gives the part of each mean.
        squared = ((high - low) / 2) ** 2 / (variance_a + variance_b)
        reach, base_reach = math.sqrt(squared * variance_a), math.sqrt(squared * variance_b)
        bounds = ratio_interval(mean_a, mean_b, reach=reach, base_reach=base_reach)
        return {
            "unit": next(cell["unit"] for key, cell in self._cells.items() if key[0] == metric),
            "mean_a": mean_a,
            "mean_b": mean_b,
            "difference": sign * row["difference"],
            "low": low,
            "high": high,
            "p": row["p_adj"],
            "ratio": mean_a / mean_b if mean_b else math.nan,
            "ratio_low": bounds[0],
            "ratio_high": bounds[1],
        }

    def _mean(self, metric: str, platform: str, level: int | None) -> tuple[float, float]:
        """Return the mean and its variance, up to a factor that all means share."""
        levels = self.levels(metric) if level is None else (level,)
        cells = [self._cells[metric, level, platform] for level in levels]
        mean = sum(cell["mean"] for cell in cells) / len(cells)
        by_pair = self._error is Error.PAIR and level is not None
        variances = [cell["sd"] ** 2 if by_pair else 1.0 for cell in cells]
        parts = (variance / cell["n"] for variance, cell in zip(variances, cells, strict=True))
        return mean, sum(parts) / len(cells) ** 2


def _level(row: dict[str, Any]) -> int | None:
    level = row["level"]
    return OVER_ALL if math.isnan(level) else int(level)


def with_error(posthoc: pd.DataFrame, error: Error) -> pd.DataFrame:
    """Return the rows with one error term; for a metric with one level the first two are equal."""
    over_all = posthoc["scope"] == ALL_LEVELS
    is_level = over_all | (posthoc["error"] == LEVEL)
    if error is Error.LEVEL:
        return posthoc[is_level]
    chosen = ~over_all & (posthoc["error"] == (PAIR if error is Error.PAIR else ALL_LEVELS))
    has_it = posthoc["metric"].isin(posthoc.loc[chosen, "metric"])
    return posthoc[chosen | (is_level & (~has_it | over_all))]
