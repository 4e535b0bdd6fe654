# SPDX-License-Identifier: Apache-2.0
"""Lines over concurrency, with error bars: the paper's Figures 4 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from plotnine import (
    aes,
    coord_cartesian,
    geom_errorbar,
    geom_line,
    geom_point,
    geom_ribbon,
    ggplot,
    labs,
    scale_y_continuous,
)

from featherbench.figures.axis import LevelAxis
from featherbench.figures.style_scales import facets, in_panels, legend
from featherbench.figures.theme import house_theme, plain_labels, wrapped

if TYPE_CHECKING:
    from featherbench.figures.catalogue import Entry

WIDTH_IN, HEIGHT_IN, PANEL_IN = 8.0, 4.6, 4.0
SHADE, FEW = 0.5, 4
"""Of all shadings together how opaque, and from how many platforms on they share it."""


def draw(entry: Entry, summary: pd.DataFrame) -> ggplot:
    """Draw the rows of the summary that belong to `entry`; at least one has a valid window."""
    table = _prepared(entry, summary)
    width_in = WIDTH_IN + PANEL_IN * (len(table["panel"].unique()) - 1)
    good, axis = table[table["n"] > 0], LevelAxis.of(table["concurrency"])
    return (
        ggplot(good, aes("concurrency", "mean", color="label", shape="label", linetype="label"))
        + _layers(good, axis)
        + _crosses(table, axis)
        + legend(table)
        + axis.scale()
        + scale_y_continuous(labels=plain_labels)
        + coord_cartesian(ylim=(0, 1.04 * good["high"].max()))
        + facets(table)
        + labs(x="open connections", y=entry.axis, caption=wrapped(entry.caption, width_in))
        + house_theme(width_in, HEIGHT_IN)
    )


def _prepared(entry: Entry, summary: pd.DataFrame) -> pd.DataFrame:
    """Name the panels, and put the platforms' invalid windows into their labels."""
    invalid = summary.groupby("platform", sort=False)["n_invalid"].sum()
    labels = {
        str(name): f"{name} ({count} invalid)" if count else str(name)
        for name, count in invalid.items()
    }
    return in_panels(summary, entry.panels).assign(
        label=pd.Categorical(summary["platform"].map(labels), categories=list(labels.values())),
        low=(summary["mean"] - summary["sd"].fillna(0)).clip(lower=0),
        high=summary["mean"] + summary["sd"].fillna(0),
    )


def _layers(good: pd.DataFrame, axis: LevelAxis) -> list[Any]:
    several = good[good.groupby(["label", "panel"], observed=True)["mean"].transform("size") > 1]
    replicated = several.dropna(subset=["ci_low"]).assign(floor=lambda t: t["ci_low"].clip(lower=0))
    shading = aes(ymin="floor", ymax="ci_high", fill="label")
    alpha = SHADE / max(len(good["label"].unique()), FEW)
    spread, suspect = good.dropna(subset=["sd"]), good[good["n_suspect"] > 0]
    bars, width = aes(ymin="low", ymax="high"), axis.room / 6
    return [
        geom_ribbon(shading, replicated, alpha=alpha, color="none", show_legend=False),
        geom_line(data=several, size=0.6),
        geom_errorbar(bars, spread, linetype="solid", size=0.35, width=width, show_legend=False),
        geom_point(aes(fill="label"), size=2.2, stroke=0.4),
        geom_point(data=suspect, size=2.2, stroke=0.4, fill="#FFFFFF", show_legend=False),
    ]


def _crosses(table: pd.DataFrame, axis: LevelAxis) -> list[Any]:
    """Show on the axis where windows were invalid, the platforms side by side."""
    bad = table[table["n_invalid"] > 0]
    aside = (bad["label"].cat.codes + 0.5) / len(bad["label"].cat.categories) - 0.5
    places = axis.beside(bad["concurrency"], 0.8 * aside)
    bad = bad.assign(concurrency=places, mean=0.0)
    return [geom_point(data=bad, shape="x", size=1.8, stroke=0.6, show_legend=False)]
