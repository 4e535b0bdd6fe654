# SPDX-License-Identifier: Apache-2.0
"""Platforms compared as the paper did, by Tukey's test: looked up in the tables of the analysis.

Intervals and p are simultaneous for all pairs of one family.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from featherbench.plauth2017.claims.pairwise import (
    OVER_ALL,
    SIGNIFICANT,
    Contrast,
    Contrasts,
    Terms,
)
from featherbench.plauth2017.data.published import SUSPECT
from featherbench.statistics.conventions import ALL_LEVELS, LEVEL, PAIR
from featherbench.statistics.inference.fieller import ratio_interval
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    import pandas as pd

VERY = 0.0001
"""The level at which the paper calls differences of throughput significant."""
ALL_PAIRS = "all pairs of platforms"
TERMS = Terms(
    every_level=f"Tukey-Kramer at every level, {ALL_PAIRS} at a level as one family",
    over_all=f"Tukey-Kramer over all levels, {ALL_PAIRS} as one family",
    one_level=f"Tukey-Kramer, {ALL_PAIRS} as one family",
    interval="the simultaneous 95 % interval of the ratio (Tukey-Kramer, Fieller)",
    very=VERY,
    not_different=f"no p < {SIGNIFICANT}",
    not_below=f"not significantly below (p < {SIGNIFICANT})",
    not_ahead=f"not significantly ahead at p < {SIGNIFICANT}",
)


class Error(StrEnum):
    """What comparisons at a level take for the error, in words for the report.

    Over all levels it is always that of all levels.
    """

    ALL_LEVELS = "the error of all levels"
    LEVEL = "the error within each level alone"
    PAIR = "the deviations of the two platforms alone (Games-Howell)"


class ByTukey(Contrasts):
    """All comparisons of a summary and its post-hoc table, with the error asked for."""

    terms = TERMS

    def __init__(self, summary: pd.DataFrame, posthoc: pd.DataFrame, error: Error) -> None:
        self._error = error
        self._cells = {
            (row["metric"], row["platform"], row["concurrency"]): row
            for row in rows(summary)
            if row["n"] > 0
        }
        self._pairs = {
            (row["metric"], row["platform_a"], row["platform_b"], _level(row)): row
            for row in rows(with_error(posthoc, error))
        }

    def levels(self, metric: str) -> tuple[int, ...]:
        """Give the levels of a metric, ascending."""
        return tuple(sorted({level for of, _, level in self._cells if of == metric}))

    def platforms(self, metric: str) -> tuple[str, ...]:
        """Give the platforms of a metric, in the tables' order."""
        return tuple(dict.fromkeys(name for of, name, _ in self._cells if of == metric))

    def doubts(self, metric: str, platform: str) -> dict[str, list[int]]:
        """Give why means of a platform are suspect, and at which levels."""
        found: dict[str, list[int]] = {}
        for (of, name, level), row in self._cells.items():
            if (of, name) == (metric, platform) and row["n_suspect"] > 0:
                found.setdefault(row["ci_note"].removeprefix(SUSPECT), []).append(level)
        return found

    def contrast(self, metric: str, a: str, b: str, level: int | None = 1) -> Contrast | None:
        """Compare a with b; None where the data lack one of them at that level."""
        found = self._row(metric, a, b, level)
        if found is None:
            return None
        row, sign = found
        low, high = sorted((sign * row["ci_low"], sign * row["ci_high"]))
        (mean_a, variance_a), (mean_b, variance_b) = (self._at(metric, x, level) for x in (a, b))
        # Half the width is c * sqrt(variance_a + variance_b): that gives each mean's own part.
        squared = ((high - low) / 2) ** 2 / (variance_a + variance_b)
        reach, base_reach = math.sqrt(squared * variance_a), math.sqrt(squared * variance_b)
        bounds = ratio_interval(mean_a, mean_b, reach=reach, base_reach=base_reach)
        return Contrast(
            metric=metric,
            unit=next(row["unit"] for (of, _, _), row in self._cells.items() if of == metric),
            a=a,
            b=b,
            level=level if len(self.levels(metric)) > 1 else None,
            mean_a=mean_a,
            mean_b=mean_b,
            difference=sign * row["difference"],
            low=low,
            high=high,
            p=row["p_adj"],
            ratio=mean_a / mean_b if mean_b else math.nan,
            ratio_low=bounds[0],
            ratio_high=bounds[1],
        )

    def _row(
        self, metric: str, a: str, b: str, level: int | None
    ) -> tuple[dict[str, Any], int] | None:
        """Give the row of the pair, and -1 if it has them the other way round; None if it lacks."""
        for pair, sign in (((a, b), 1), ((b, a), -1)):
            if (row := self._pairs.get((metric, *pair, level))) is not None:
                return row, sign
        return None

    def _at(self, metric: str, platform: str, level: int | None) -> tuple[float, float]:
        """Give the mean and, but for a factor that all means share, its variance."""
        levels = self.levels(metric) if level is None else (level,)
        cells = [self._cells[metric, platform, each] for each in levels]
        mean = sum(cell["mean"] for cell in cells) / len(cells)
        own = self._error is Error.PAIR and level is not None
        squares = [cell["sd"] ** 2 if own else 1.0 for cell in cells]
        parts = (square / cell["n"] for square, cell in zip(squares, cells, strict=True))
        return mean, sum(parts) / len(cells) ** 2


def _level(row: dict[str, Any]) -> int | None:
    level = row["concurrency"]
    return OVER_ALL if math.isnan(level) else int(level)


def with_error(posthoc: pd.DataFrame, error: Error) -> pd.DataFrame:
    """Leave out the rows with another error; for a single level the first two are the same."""
    is_whole = posthoc["scope"] == ALL_LEVELS
    is_level = is_whole | (posthoc["error"] == LEVEL)
    if error is Error.LEVEL:
        return posthoc[is_level]
    asked = ~is_whole & (posthoc["error"] == (PAIR if error is Error.PAIR else ALL_LEVELS))
    has_it = posthoc["metric"].isin(posthoc.loc[asked, "metric"])
    return posthoc[asked | (is_level & (~has_it | is_whole))]
