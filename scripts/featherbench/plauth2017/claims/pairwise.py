# SPDX-License-Identifier: Apache-2.0
"""Pairs of platforms compared, under the paper's names: what its claims are held against."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OVER_ALL = None
"""In place of a level: all of them together."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One platform against another: their means, the test, and the ratio with its interval.

    `difference` is a less b. Interval and p are NaN where there is but one value each. `level` is
    None over all levels, or where there is one only. `margin` is that within which the two count
    as the same, and `p_same` tests it; None where a difference that does not show is none.
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
    p_same: float = float("nan")

    @property
    def same(self) -> bool:
        """Whether the ratio is surely within the margin."""
        return self.p_same < SIGNIFICANT


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How comparisons are tested, in words: at every level, over all levels, where there is one.

    `interval` says which one equivalence rests on; `very` is the p at which throughput differs as
    the paper says; the others say what shows that a platform does not differ, or is not below or
    ahead.
    """

    every_level: str
    over_all: str
    one_level: str
    interval: str
    very: float
    not_different: str
    not_below: str
    not_ahead: str


class Contrasts(ABC):
    """All comparisons that some data allow."""

    terms: Terms

    @abstractmethod
    def levels(self, metric: str) -> tuple[int, ...]:
        """Give the levels of a metric, ascending."""

    @abstractmethod
    def platforms(self, metric: str) -> tuple[str, ...]:
        """Give the platforms of a metric, in the tables' order."""

    @abstractmethod
    def doubts(self, metric: str, platform: str) -> dict[str, list[int]]:
        """Give why means of a platform are suspect, and at which levels."""

    @abstractmethod
    def contrast(self, metric: str, a: str, b: str, level: int | None = 1) -> Contrast | None:
        """Compare a with b; None where the data lack one of them at that level."""

    def each(
        self,
        metric: str,
        ones: Iterable[str],
        others: Iterable[str],
        levels: Iterable[int | None] = (1,),
    ) -> list[Contrast]:
        """Compare each of `ones` with each of `others` that the data have, at each level."""
        bases, wanted = list(others), list(levels)
        found = (
            self.contrast(metric, a, b, level)
            for a in ones
            for b in bases
            if a != b
            for level in wanted
        )
        return [one for one in found if one is not None]
