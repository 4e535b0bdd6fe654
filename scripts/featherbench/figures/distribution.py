# SPDX-License-Identifier: Apache-2.0
"""Every window of every deployment, with a row for each platform."""

from typing import Any

import pandas as pd
import plotnine as p9

from featherbench.figures import theme
from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.transforms import downsample, in_panels, in_rows, relative_to_median

WIDTH_IN, PANEL_IN, FRAME_IN = 6.5, 2.4, 1.4
ROW_IN, LINE_IN, MOST_ROW_IN = 0.25, 0.07, 0.9
"""Height of a row: the row itself, each deployment, and the maximum."""
PLACES = {"value": 250, "place": 1000}
"""Along the axes: half a dot, and each deployment's line."""
USED = 0.8
"""The share of a row that the deployments' lines take."""


def draw(spec: FigureSpec, windows: pd.DataFrame) -> p9.ggplot:
    """Draw valid windows; there is at least one."""
    table = _placed(spec, windows)
    rows, lines = len(table["row"].unique()), int(table["lines"].max())
    height_in = FRAME_IN + rows * min(ROW_IN + LINE_IN * lines, MOST_ROW_IN)
    return (
        p9.ggplot(table, p9.aes("value", "place", color="colour", fill="colour", shape="shape"))
        + theme.row_axis(table)
        + _layers(table)
        + theme.identity_scales()
        + p9.scale_x_continuous(labels=theme.format_ticks)
        + theme.framed(spec, table, WIDTH_IN, height_in, panel_in=PANEL_IN, x=spec.axis)
        + p9.theme(panel_grid_major_y=p9.element_blank())
    )


def _placed(spec: FigureSpec, windows: pd.DataFrame) -> pd.DataFrame:
    """Add the panel, the style, the row, and within that the line of the deployment."""
    values = in_panels(theme.add_style(relative_to_median(windows)), spec.panels)
    line = values.groupby("platform", sort=False)["deployment"].rank("dense") - 1
    lines = line.groupby(values["platform"]).transform("max") + 1
    return in_rows(values, line, lines, USED)


def _layers(table: pd.DataFrame) -> list[Any]:
    by = ["panel", "platform", "deployment", "row", "place", "lines", "colour", "shape"]
    means = table.groupby(by, observed=True, sort=False)["value"].mean().reset_index()
    half = 0.45 * USED / means["lines"]
    ticks = means.assign(low=means["place"] - half, high=means["place"] + half)
    dots, many = downsample(table, PLACES), len(table) > theme.MOST_VECTORS
    suspect = dots[dots["verdict"] == "suspect"]
    return [
        p9.geom_point(data=dots, shape="o", size=0.9, stroke=0.15, alpha=0.45, raster=many),
        p9.geom_point(data=suspect, shape="o", size=0.9, stroke=0.3, fill="#FFFFFF", raster=many),
        p9.geom_segment(p9.aes("value", "low", xend="value", yend="high"), ticks, size=0.7),
    ]
