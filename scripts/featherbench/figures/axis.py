# SPDX-License-Identifier: Apache-2.0
"""The axis of concurrency: linear, or logarithmic where levels would write over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from plotnine import expand_limits, scale_x_continuous, scale_x_log10

from featherbench.figures.theme import plain_labels

if TYPE_CHECKING:
    import pandas as pd

CROWDED = 0.04
"""Levels closer than this share of a linear axis would write over each other."""


@dataclass(frozen=True, kw_only=True)
class LevelAxis:
    """An axis for these levels, in ascending order."""

    levels: tuple[int, ...]

    @classmethod
    def of(cls, levels: pd.Series[int]) -> LevelAxis:
        """Give the axis for all levels that occur."""
        return cls(levels=tuple(sorted(int(level) for level in levels.unique())))

    @property
    def logarithmic(self) -> bool:
        """Whether it is logarithmic."""
        gaps = np.diff(self.levels)
        return bool(len(gaps) and gaps.min() < CROWDED * gaps.sum())

    @property
    def room(self) -> float:
        """What a level may take up beside itself: in decades where the axis is logarithmic."""
        places = np.log10(self.levels) if self.logarithmic else np.array(self.levels)
        gaps = np.diff(places)
        return float(min(gaps.min(), gaps.sum() / 10) if len(gaps) else places[0] / 10)

    def beside(self, levels: pd.Series[int], shares: pd.Series[float]) -> pd.Series[float]:
        """Give the places beside the levels, by shares of the room."""
        away = shares * self.room
        return levels * 10**away if self.logarithmic else levels + away

    def scale(self) -> list[Any]:
        """Give what plotnine needs to draw it."""
        along = scale_x_log10 if self.logarithmic else scale_x_continuous
        ends = expand_limits(x=[self.levels[0] - 5 * self.room, self.levels[0] + 5 * self.room])
        lonely = len(self.levels) == 1
        return [
            along(breaks=list(self.levels), labels=plain_labels),
            *([ends] if lonely else []),
        ]
