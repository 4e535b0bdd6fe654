# SPDX-License-Identifier: Apache-2.0
"""Values in the order in which they were measured: drift, steps, and effects of the order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
from plotnine import (
    aes,
    geom_hline,
    geom_line,
    geom_point,
    geom_ribbon,
    ggplot,
    guide_legend,
    guides,
    labs,
    scale_y_continuous,
    theme,
)

from featherbench.figures.style_scales import facets, in_panels, legend
from featherbench.figures.theme import MOST_VECTORS, format_ticks, house_theme, wrapped
from featherbench.figures.transforms import SERIES, downsample, relative_to_median
from featherbench.statistics.summary import half_width

if TYPE_CHECKING:
    from featherbench.figures.catalogue import FigureSpec

WIDTH_IN, PANEL_IN, FRAME_IN = 8.5, 1.7, 1.6
COLUMNS = 2
PLACES = {"sequence": 250, "value": 80}
"""Along the axes: half a dot."""
LEAST_CELLS = 4
"""With fewer, the interval is wider than the range of all windows."""


def draw(spec: FigureSpec, windows: pd.DataFrame) -> ggplot:
    """Draw the valid windows of all main metrics that vary; there is at least one."""
    table = _prepared(spec, windows)
    panels = len(table["panel"].unique())
    rows = math.ceil(panels / COLUMNS)
    return (
        ggplot(table, aes("sequence", "value", color="label", fill="label", shape="label"))
        + geom_hline(yintercept=1.0, color="#888888", size=0.3)
        + _layers(table)
        + legend(table, lines=False)
        + guides(color=guide_legend(override_aes={"size": 2, "alpha": 1}))
        + scale_y_continuous(labels=format_ticks)
        + facets(table, rows=rows, scales="free_y")
        + labs(x="place of the cell in the order", y=spec.axis)
        + labs(caption=wrapped(spec.caption, WIDTH_IN))
        + house_theme(WIDTH_IN, FRAME_IN + PANEL_IN * rows)
        + theme(legend_key_width=10)
    )


def _prepared(spec: FigureSpec, windows: pd.DataFrame) -> pd.DataFrame:
    names = list(windows["platform"].unique())
    titles = {metric: metric.replace("_", " ") for metric in windows["metric"].unique()}
    known = {metric: spec.panels.get(metric, title) for metric, title in titles.items()}
    relative = in_panels(relative_to_median(windows), known)
    return relative.assign(label=pd.Categorical(relative["platform"], categories=names))


def _layers(table: pd.DataFrame) -> list[Any]:
    dots, many = downsample(table, PLACES), len(table) > MOST_VECTORS
    suspect = dots[dots["verdict"] == "suspect"]
    blocks = _blocks(table)
    sure = blocks[blocks["n"] >= LEAST_CELLS]
    return [
        geom_point(data=dots, size=0.9, stroke=0.2, alpha=0.5, raster=many),
        geom_point(
            data=suspect, size=0.9, stroke=0.3, fill="#FFFFFF", show_legend=False, raster=many
        ),
        geom_ribbon(aes("sequence", ymin="low", ymax="high"), sure, alpha=0.25, inherit_aes=False),
        geom_line(aes("sequence", "value"), blocks, size=0.8, inherit_aes=False),
    ]


def _blocks(table: pd.DataFrame) -> pd.DataFrame:
    """Average the cells of each deployment number; a metric with one number has no line."""
    cells = table.groupby(["panel", "deployment", *SERIES], observed=True, sort=False)
    means = cells[["value", "sequence"]].mean().groupby(["panel", "deployment"], observed=True)
    blocks = means.agg(
        value=("value", "mean"), sd=("value", "std"), n=("value", "size"),
        sequence=("sequence", "mean"),
    ).reset_index()  # fmt: skip
    half = half_width(blocks["sd"].to_numpy(float), blocks["n"].to_numpy(int))
    blocks = blocks.assign(half=half, low=blocks["value"] - half, high=blocks["value"] + half)
    return blocks[blocks.groupby("panel", observed=True)["value"].transform("size") > 1]
