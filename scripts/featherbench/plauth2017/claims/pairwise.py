# SPDX-License-Identifier: Apache-2.0
"""Comparisons of two platforms under the paper's names, by which its claims are judged."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featherbench.statistics.conventions import SIGNIFICANT_P

CONTAINERS = ("docker-native", "lxd-native")
UNTRANSLATED = "+bridge"
"""Suffix of a container that is reached over a bridge without NAT; the paper has none."""
OVER_ALL = None
"""Stands for all levels together."""
ALL_LEVELS = 0
"""The same in the column `level`."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Platform a against platform b: means, test, and ratio with its interval.

    `difference` is a - b. Interval and p are NaN if there is only one value of each. `level` is
    None over all levels, or if there is only one. `margin` is the equivalence margin, and
    `p_equivalence` its p-value; without a margin, a difference that is not significant counts as
    none.
    """

    metric: str
    unit: str
    a: str
    b: str
    level: int | None
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    p: float
    ratio: float
    ratio_low: float
    ratio_high: float
    margin: float | None = None
    p_equivalence: float = float("nan")

    @property
    def equivalent(self) -> bool:
        """Whether the ratio is shown to lie within the margin."""
        return self.p_equivalence < SIGNIFICANT_P


class Contrasts(ABC):
    """All comparisons that a data set allows.

    `cells` has metric, level and platform of its means, in the order of the tables. `terms` are its
    tests in words, for `claims.yaml`; `very` is the p-value below which throughput differs in the
    paper's sense.
    """

    terms: Mapping[str, str]
    very: float
    cells: Collection[tuple[str, int, str]]

    def levels(self, metric: str) -> list[int]:
        """Return the levels of a metric in ascending order."""
        levels = {level for measured, level, _ in self.cells if measured == metric}
        return sorted(levels - {ALL_LEVELS})

    def platforms(self, metric: str) -> list[str]:
        """Return the platforms of a metric, in the order of the tables."""
        names = (name for measured, _, name in self.cells if measured == metric)
        return list(dict.fromkeys(names))

    @abstractmethod
    def quality_issues(self, metric: str, platform: str) -> dict[str, list[int]]:
        """Return why means of a platform are suspect, and at which levels."""

    @abstractmethod
    def compared(self, metric: str, a: str, b: str, level: int | None) -> dict[str, Any]:
        """Return what a contrast has of this data set; empty if it lacks a or b at that level."""

    def contrast(self, metric: str, a: str, b: str, level: int | None = 1) -> Contrast | None:
        """Compare a with b; return None if the data lack one of them at that level."""
        compared = self.compared(metric, a, b, level)
        if not compared:
            return None
        own_level = level if len(self.levels(metric)) > 1 else None
        return Contrast(metric=metric, a=a, b=b, level=own_level, **compared)

    def each(
        self,
        metric: str,
        platforms: Iterable[str],
        others: Sequence[str],
        levels: Sequence[int | None] = (1,),
    ) -> list[Contrast]:
        """Compare each of `platforms` with each of `others` at each level, as far as known."""
        contrasts = (
            self.contrast(metric, a, b, level)
            for a in platforms
            for b in others
            if a != b
            for level in levels
        )
        return [contrast for contrast in contrasts if contrast is not None]
