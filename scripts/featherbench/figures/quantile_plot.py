# SPDX-License-Identifier: Apache-2.0
"""The distribution of latencies: by quantile, on an axis that gives each nine the same room."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9

from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.latency_throughput import US_PER_MS
from featherbench.figures.theme import format_ticks, framed, legend
from featherbench.records.load_point import LoadPoint

WIDTH_IN, PANEL_IN, FRAME_IN, ROW_IN = 5.6, 2.6, 1.2, 2.6
COLUMNS = 3
MOST_PANELS = 6
"""The most that are shown, shared by the operations."""
NINES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
TITLE = "_p99"
"""Ends the names of the metrics that have panels."""


def of_panels(spec: FigureSpec, quantiles: pd.DataFrame) -> pd.DataFrame:
    """Return the quantiles of the metrics with panels, at the load points that are shown."""
    titles = {name.removesuffix(TITLE): title for name, title in spec.panels.items()}
    known = quantiles[quantiles["metric"].isin(list(titles))].sort_values("level", kind="stable")
    known = known[known["quantile"] >= NINES[0]]
    points_of = list(dict.fromkeys(known["load_point"]))
    shown = known[known["load_point"].isin(_spread(points_of, MOST_PANELS // max(len(titles), 1)))]
    points = [LoadPoint(point) for point in shown["load_point"]]
    at = [f"{point.level:,} {point.axis.value}" for point in points]
    several = len(titles) > 1
    return shown.assign(
        panel=[f"{titles[metric]}, {where}" if several else where
               for metric, where in zip(shown["metric"], at, strict=True)],
        nines=-np.log10(1 - shown["quantile"]),
        value_ms=shown["value_us"] / US_PER_MS,
    )  # fmt: skip


def _spread(points: Sequence[str], most: int) -> list[str]:
    """Return at most so many, from the first to the last."""
    places = np.linspace(0, len(points) - 1, min(len(points), most))
    return [points[round(place)] for place in places]


def draw(spec: FigureSpec, table: pd.DataFrame) -> p9.ggplot:
    """Draw the rows of `of_panels`; there is at least one."""
    panels = list(table.sort_values(["metric", "level"])["panel"].unique())
    columns = min(len(table["load_point"].unique()), COLUMNS)
    rows = math.ceil(len(panels) / columns)
    width_in, height_in = WIDTH_IN + PANEL_IN * (columns - 1), FRAME_IN + ROW_IN * rows
    table = table.assign(
        label=pd.Categorical(table["platform"], categories=list(table["platform"].unique())),
        panel=pd.Categorical(table["panel"], categories=panels),
    )
    return (
        p9.ggplot(table, p9.aes("nines", "value_ms", color="label", fill="label", shape="label"))
        + _layers(table)
        + legend(table)
        + p9.scale_x_continuous(
            breaks=[-math.log10(1 - nine) for nine in NINES],
            labels=[f"{100 * nine:.6g} %" for nine in NINES],
        )
        + p9.scale_y_log10(labels=format_ticks)
        + framed(spec, table, width_in, height_in, rows=rows, x="share of requests", y=spec.axis)
    )


def _layers(table: pd.DataFrame) -> list[Any]:
    at_nines = table[table["quantile"].isin(NINES)]
    return [
        p9.geom_line(p9.aes(linetype="label"), size=0.6),
        p9.geom_point(data=at_nines, size=1.6, stroke=0.3),
    ]
