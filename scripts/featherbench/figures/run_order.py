# SPDX-License-Identifier: Apache-2.0
"""Values in the order in which they were measured: drift, steps, and effects of the order."""

import math
from typing import Any

import pandas as pd
import plotnine as p9

from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.theme import MOST_VECTORS, format_ticks, framed, legend
from featherbench.figures.transforms import SERIES, downsample, in_panels, relative_to_median
from featherbench.statistics.summary import half_width

WIDTH_IN, PANEL_IN, FRAME_IN = 8.5, 1.7, 1.6
COLUMNS = 2
PLACES = {"sequence": 250, "value": 80}
"""Along the axes: half a dot."""
LEAST_CELLS = 4
"""With fewer, the interval is wider than the range of all windows."""


def draw(spec: FigureSpec, windows: pd.DataFrame) -> p9.ggplot:
    """Draw the valid windows of all main metrics that vary; there is at least one."""
    table = _prepared(spec, windows)
    rows = math.ceil(len(table["panel"].unique()) / COLUMNS)
    height_in, x = FRAME_IN + PANEL_IN * rows, "place of the cell in the order"
    return (
        p9.ggplot(table, p9.aes("sequence", "value", color="label", fill="label", shape="label"))
        + p9.geom_hline(yintercept=1.0, color="#888888", size=0.3)
        + _layers(table)
        + legend(table, lines=False)
        + p9.guides(color=p9.guide_legend(override_aes={"size": 2, "alpha": 1}))
        + p9.scale_y_continuous(labels=format_ticks)
        + framed(spec, table, WIDTH_IN, height_in, rows=rows, scales="free_y", x=x, y=spec.axis)
        + p9.theme(legend_key_width=10)
    )


def _prepared(spec: FigureSpec, windows: pd.DataFrame) -> pd.DataFrame:
    names = list(windows["platform"].unique())
    titles = {metric: metric.replace("_", " ") for metric in windows["metric"].unique()}
    panels = [spec.panels.get(metric) for metric in titles]
    # A figure of an open loop has the panel of the closed loop's.
    known = {
        metric: panel if panel and panels.count(panel) == 1 else title
        for panel, (metric, title) in zip(panels, titles.items(), strict=True)
    }
    relative = in_panels(relative_to_median(windows), known)
    return relative.assign(label=pd.Categorical(relative["platform"], categories=names))


def _layers(table: pd.DataFrame) -> list[Any]:
    dots, many = downsample(table, PLACES), len(table) > MOST_VECTORS
    suspect = dots[dots["verdict"] == "suspect"]
    blocks = _blocks(table)
    sure, band = blocks[blocks["n"] >= LEAST_CELLS], p9.aes("sequence", ymin="low", ymax="high")
    return [
        p9.geom_point(data=dots, size=0.9, stroke=0.2, alpha=0.5, raster=many),
        p9.geom_point(
            data=suspect, size=0.9, stroke=0.3, fill="#FFFFFF", show_legend=False, raster=many
        ),
        p9.geom_ribbon(band, sure, alpha=0.25, inherit_aes=False),
        p9.geom_line(p9.aes("sequence", "value"), blocks, size=0.8, inherit_aes=False),
    ]


def _blocks(table: pd.DataFrame) -> pd.DataFrame:
    """Average the cells of each deployment number; a metric with one number has no line."""
    cells = table.groupby(["panel", "deployment", *SERIES], observed=True, sort=False)
    means = cells[["value", "sequence"]].mean().groupby(["panel", "deployment"], observed=True)
    blocks = means.agg(
        value=("value", "mean"), sd=("value", "std"), n=("value", "size"),
        sequence=("sequence", "mean"),
    ).reset_index()  # fmt: skip
    half = half_width(blocks["sd"], blocks["n"])
    blocks = blocks.assign(half=half, low=blocks["value"] - half, high=blocks["value"] + half)
    return blocks[blocks.groupby("panel", observed=True)["value"].transform("size") > 1]
