# SPDX-License-Identifier: Apache-2.0
"""Every window of every deployment, with a row for each platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plotnine import (
    aes,
    element_blank,
    geom_hline,
    geom_point,
    geom_segment,
    ggplot,
    labs,
    scale_x_continuous,
    scale_y_continuous,
    theme,
)

from featherbench.figures.style_scales import add_style, facets, identity_scales, in_panels
from featherbench.figures.theme import MOST_VECTORS, format_ticks, house_theme, wrapped
from featherbench.figures.transforms import downsample, relative_to_median

if TYPE_CHECKING:
    import pandas as pd

    from featherbench.figures.catalogue import FigureSpec

WIDTH_IN, PANEL_IN, FRAME_IN = 6.5, 2.4, 1.4
ROW_IN, LINE_IN, MOST_ROW_IN = 0.25, 0.07, 0.9
"""Height of a row: the row itself, each deployment, and the maximum."""
PLACES = {"value": 250, "place": 1000}
"""Along the axes: half a dot, and each deployment's line."""
USED = 0.8
"""The share of a row that the deployments' lines take."""


def draw(spec: FigureSpec, windows: pd.DataFrame) -> ggplot:
    """Draw valid windows; there is at least one."""
    table = _placed(spec, windows)
    rows, lines = len(table["row"].unique()), int(table["lines"].max())
    panels = len(table["panel"].unique())
    width_in = WIDTH_IN + PANEL_IN * (panels - 1)
    height_in = FRAME_IN + rows * min(ROW_IN + LINE_IN * lines, MOST_ROW_IN)
    return (
        ggplot(table, aes("value", "place", color="colour", fill="colour", shape="shape"))
        + _layers(table, rows)
        + identity_scales()
        + _axes(table, rows)
        + facets(table)
        + labs(x=spec.axis, y="", caption=wrapped(spec.caption, width_in))
        + house_theme(width_in, height_in)
        + theme(panel_grid_major_y=element_blank())
    )


def _placed(spec: FigureSpec, windows: pd.DataFrame) -> pd.DataFrame:
    """Add the panel, the style, the row, and within that the line of the deployment."""
    values = relative_to_median(windows)
    names = list(values["platform"].unique())
    line = values.groupby("platform", sort=False)["deployment"].rank("dense") - 1
    lines = line.groupby(values["platform"]).transform("max") + 1
    row = values["platform"].map({name: -place for place, name in enumerate(names)}).astype(float)
    return in_panels(add_style(values), spec.panels).assign(
        row=row, lines=lines, place=row + USED * (0.5 - (line + 0.5) / lines)
    )


def _layers(table: pd.DataFrame, rows: int) -> list[Any]:
    by = ["panel", "platform", "deployment", "row", "place", "lines", "colour", "shape"]
    means = table.groupby(by, observed=True, sort=False)["value"].mean().reset_index()
    half = 0.45 * USED / means["lines"]
    ticks = means.assign(low=means["place"] - half, high=means["place"] + half)
    dots, many = downsample(table, PLACES), len(table) > MOST_VECTORS
    suspect = dots[dots["verdict"] == "suspect"]
    return [
        geom_hline(yintercept=[0.5 - row for row in range(1, rows)], color="#CCCCCC", size=0.3),
        geom_point(data=dots, shape="o", size=0.9, stroke=0.15, alpha=0.45, raster=many),
        geom_point(data=suspect, shape="o", size=0.9, stroke=0.3, fill="#FFFFFF", raster=many),
        geom_segment(aes("value", "low", xend="value", yend="high"), ticks, size=0.7),
    ]


def _axes(table: pd.DataFrame, rows: int) -> list[Any]:
    names = table.drop_duplicates("platform")
    return [
        scale_x_continuous(labels=format_ticks),
        scale_y_continuous(
            breaks=list(names["row"]),
            labels=list(names["platform"]),
            limits=(0.5 - rows, 0.5),
            expand=(0, 0),
        ),
    ]
