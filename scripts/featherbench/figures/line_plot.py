# SPDX-License-Identifier: Apache-2.0
"""Lines over the level of load, with error bars: the paper's Figures 4 and 6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9

from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.theme import format_ticks, framed, legend
from featherbench.figures.transforms import in_panels

WIDTH_IN, HEIGHT_IN, PANEL_IN = 8.0, 4.6, 4.0
SHADE, FEW = 0.5, 4
"""The opacity of all shadings together, and the number of platforms from which they share it."""

CROWDED = 0.04
"""The labels of levels closer than this share of a linear axis would overlap."""


@dataclass(frozen=True)
class LevelAxis:
    """The axis of the level; `levels` are in ascending order, their labels need `label_share`."""

    levels: tuple[int, ...]
    label_share: float = CROWDED

    @property
    def logarithmic(self) -> bool:
        """Whether it is logarithmic: on a linear axis, labels would overlap."""
        gaps = np.diff(self.levels)
        return bool(len(gaps) and gaps.min() < self.label_share * gaps.sum())

    @property
    def room(self) -> float:
        """The room beside a level: in decades, if the axis is logarithmic."""
        places = np.log10(self.levels) if self.logarithmic else np.array(self.levels)
        gaps = np.diff(places)
        return float(min(gaps.min(), gaps.sum() / 10) if len(gaps) else places[0] / 10)

    def beside(self, levels: pd.Series[int], shares: pd.Series[float]) -> pd.Series[float]:
        """Return places beside the levels, at these shares of the room."""
        offset = shares * self.room
        return levels * 10**offset if self.logarithmic else levels + offset

    def scale(self) -> list[Any]:
        """Return the scale, and for a single level the limits."""
        scale = p9.scale_x_log10 if self.logarithmic else p9.scale_x_continuous
        ends = [self.levels[0] - 5 * self.room, self.levels[0] + 5 * self.room]
        limits = [p9.expand_limits(x=ends)] if len(self.levels) == 1 else []
        return [scale(breaks=list(self.levels), labels=format_ticks), *limits]


def draw(spec: FigureSpec, summary: pd.DataFrame) -> p9.ggplot:
    """Draw rows of the summary, of which at least one has a valid window."""
    table = _prepared(spec, summary)
    by_label = dict.fromkeys(("color", "shape", "linetype"), "label")
    x = "open connections"
    good, axis = table[table["n"] > 0], LevelAxis(tuple(sorted(table["level"].unique())))
    return (
        p9.ggplot(good, p9.aes("level", "mean", **by_label))
        + _layers(good, axis)
        + _crosses(table, axis)
        + legend(table)
        + axis.scale()
        + p9.scale_y_continuous(labels=format_ticks)
        + p9.coord_cartesian(ylim=(0, 1.04 * good["high"].max()))
        + framed(spec, table, WIDTH_IN, HEIGHT_IN, panel_in=PANEL_IN, x=x, y=spec.axis)
    )


def _prepared(spec: FigureSpec, summary: pd.DataFrame) -> pd.DataFrame:
    """Add panels, and labels with the number of each platform's invalid windows."""
    invalid = summary.groupby("platform", sort=False)["n_invalid"].sum()
    labels = {
        str(name): f"{name} ({count} invalid)" if count else str(name)
        for name, count in invalid.items()
    }
    return in_panels(summary, spec.panels).assign(
        label=pd.Categorical(summary["platform"].map(labels), categories=list(labels.values())),
        low=(summary["mean"] - summary["sd"].fillna(0)).clip(lower=0),
        high=summary["mean"] + summary["sd"].fillna(0),
    )


def _layers(good: pd.DataFrame, axis: LevelAxis) -> list[Any]:
    several = good[good.groupby(["label", "panel"], observed=True)["mean"].transform("size") > 1]
    replicated = several.dropna(subset=["ci_low"]).assign(floor=lambda t: t["ci_low"].clip(lower=0))
    shading = p9.aes(ymin="floor", ymax="ci_high", fill="label")
    alpha = SHADE / max(len(good["label"].unique()), FEW)
    spread, suspect = good.dropna(subset=["sd"]), good[good["n_suspect"] > 0]
    bars, width = p9.aes(ymin="low", ymax="high"), axis.room / 6
    return [
        p9.geom_ribbon(shading, replicated, alpha=alpha, color="none", show_legend=False),
        p9.geom_line(data=several, size=0.6),
        p9.geom_errorbar(bars, spread, linetype="solid", size=0.35, width=width, show_legend=False),
        p9.geom_point(p9.aes(fill="label"), size=2.2, stroke=0.4),
        p9.geom_point(data=suspect, size=2.2, stroke=0.4, fill="#FFFFFF", show_legend=False),
    ]


def _crosses(table: pd.DataFrame, axis: LevelAxis) -> list[Any]:
    """Mark on the axis where windows were invalid, the platforms side by side."""
    bad = table[table["n_invalid"] > 0]
    aside = (bad["label"].cat.codes + 0.5) / len(bad["label"].cat.categories) - 0.5
    places = axis.beside(bad["level"], 0.8 * aside)
    bad = bad.assign(level=places, mean=0.0)
    return [p9.geom_point(data=bad, shape="x", size=1.8, stroke=0.6, show_legend=False)]
