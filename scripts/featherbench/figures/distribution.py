# SPDX-License-Identifier: Apache-2.0
"""Every window of every deployment, a row a platform."""

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

from featherbench.figures.relative import relative_to_median
from featherbench.figures.style_scales import as_they_are, facets, in_panels, styled
from featherbench.figures.theme import MOST_VECTORS, house_theme, plain_labels, wrapped
from featherbench.figures.transforms import thinned

if TYPE_CHECKING:
    import pandas as pd

    from featherbench.figures.further import Further

WIDTH_IN, PANEL_IN, FRAME_IN = 6.5, 2.4, 1.4
ROW_IN, LINE_IN, MOST_ROW_IN = 0.25, 0.07, 0.9
"""Height of a row: of itself, for each deployment, and at the most."""
PLACES = {"value": 250, "place": 1000}
"""Along the axes: half a dot, and each deployment's line."""
USED = 0.8
"""What the deployments' lines take of a row."""


def draw(entry: Further, windows: pd.DataFrame) -> ggplot:
    """Draw the valid windows of the entry's metrics; there is at least one."""
    table = _placed(entry, windows)
    rows, lines = len(table["row"].unique()), int(table["lines"].max())
    panels = len(table["panel"].unique())
    width_in = WIDTH_IN + PANEL_IN * (panels - 1)
    height_in = FRAME_IN + rows * min(ROW_IN + LINE_IN * lines, MOST_ROW_IN)
    return (
        ggplot(table, aes("value", "place", color="colour", fill="colour", shape="shape"))
        + _layers(table, rows)
        + as_they_are()
        + _axes(table, rows)
        + facets(table)
        + labs(x=entry.axis, y="", caption=wrapped(entry.caption, width_in))
        + house_theme(width_in, height_in)
        + theme(panel_grid_major_y=element_blank())
    )


def _placed(entry: Further, windows: pd.DataFrame) -> pd.DataFrame:
    """Give each window its panel, its style, its row, and within that the deployment's line."""
    values = relative_to_median(windows)
    names = list(values["platform"].unique())
    line = values.groupby("platform", sort=False)["deployment"].rank("dense") - 1
    lines = line.groupby(values["platform"]).transform("max") + 1
    row = values["platform"].map({name: -place for place, name in enumerate(names)}).astype(float)
    return in_panels(styled(values), entry.panels).assign(
        row=row, lines=lines, place=row + USED * (0.5 - (line + 0.5) / lines)
    )


def _layers(table: pd.DataFrame, rows: int) -> list[Any]:
    by = ["panel", "platform", "deployment", "row", "place", "lines", "colour", "shape"]
    means = table.groupby(by, observed=True, sort=False)["value"].mean().reset_index()
    half = 0.45 * USED / means["lines"]
    ticks = means.assign(low=means["place"] - half, high=means["place"] + half)
    dots, many = thinned(table, PLACES), len(table) > MOST_VECTORS
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
        scale_x_continuous(labels=plain_labels),
        scale_y_continuous(
            breaks=list(names["row"]),
            labels=list(names["platform"]),
            limits=(0.5 - rows, 0.5),
            expand=(0, 0),
        ),
    ]
