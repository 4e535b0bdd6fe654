# SPDX-License-Identifier: Apache-2.0
"""Each platform against the baseline, with intervals: a forest plot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from plotnine import (
    aes,
    element_blank,
    expand_limits,
    geom_hline,
    geom_point,
    geom_segment,
    geom_text,
    geom_vline,
    ggplot,
    labs,
    scale_alpha_identity,
    scale_x_log10,
    scale_y_continuous,
    theme,
)

from featherbench.figures.style_scales import add_style, facets, identity_scales, in_panels
from featherbench.figures.theme import format_ticks, format_value, house_theme, wrapped
from featherbench.statistics.conventions import SIGNIFICANT_P

if TYPE_CHECKING:
    import pandas as pd

    from featherbench.figures.catalogue import FigureSpec

WIDTH_IN, PANEL_IN, FRAME_IN = 6.5, 2.6, 1.5
ROW_IN, LINE_IN, ROOMY_LINE_IN = 0.2, 0.055, 0.13
"""Height of a row: of itself, and for each level, without and with room for text."""
USED = 0.84
"""The share of a row that the levels' lines take."""
PALE = 0.4
FEW = 4
"""Up to this number of levels there is room for the value beside each."""
ROUNDNESS = [1, 5, 2, 3, 7, 1.5, 4, 6, 8, 9, 1.2, 1.1, 1.3, 1.4, 1.6, 1.8, 2.5]
"""The digits of round ratios, in order of preference."""
ROOM = 0.11
"""The least distance of numbers along the axis, as a share of it."""
EPSILON = 1e-9
TEXT_REACH = 0.3
"""The share of the axis, right of all intervals, that the values take."""


def draw(spec: FigureSpec, table: pd.DataFrame) -> ggplot:
    """Draw rows of the ratios, of which at least one is finite."""
    table = _placed(spec, table)
    rows, levels = len(table["row"].unique()), int(table["levels"].max())
    line_in = ROOMY_LINE_IN if levels <= FEW else LINE_IN
    width_in = WIDTH_IN + PANEL_IN * (len(table["panel"].unique()) - 1)
    return (
        ggplot(table, aes(color="colour", fill="colour", shape="shape", alpha="alpha"))
        + geom_vline(xintercept=1.0, color="#555555", size=0.4)
        + _layers(table, rows, few=levels <= FEW)
        + identity_scales()
        + scale_alpha_identity()
        + _axes(table, rows)
        + facets(table)
        + labs(x=spec.axis, y="")
        + labs(caption=wrapped(spec.caption, width_in))
        + house_theme(width_in, FRAME_IN + rows * (ROW_IN + line_in * levels))
        + theme(panel_grid_major_y=element_blank())
    )


def _placed(spec: FigureSpec, table: pd.DataFrame) -> pd.DataFrame:
    names = list(table["platform"].unique())
    line = table.groupby("metric", sort=False)["concurrency"].rank("dense") - 1
    levels = line.max() + 1
    row = table["platform"].map({name: -place for place, name in enumerate(names)}).astype(float)
    return in_panels(add_style(table), spec.panels).assign(
        row=row,
        levels=levels,
        place=row + USED * (0.5 - (line + 0.5) / levels),
        alpha=np.where(table["p_adj"] < SIGNIFICANT_P, 1.0, PALE),
        text=_texts(table),
    )


def _texts(table: pd.DataFrame) -> list[str]:
    """Return the ratios, with the number of connections if there are several levels."""
    if len(table["concurrency"].unique()) == 1:
        return [format_value(ratio) for ratio in table["ratio"]]
    pairs = zip(table["concurrency"], table["ratio"], strict=True)
    return [f"{format_value(ratio)} at {level:,}" for level, ratio in pairs]


def _layers(table: pd.DataFrame, rows: int, *, few: bool) -> list[Any]:
    bars = aes(x="ci_low", xend="ci_high", y="place", yend="place")
    ends = [1.0, *table["ci_low"].dropna(), *table["ci_high"].dropna(), *table["ratio"]]
    reach = (max(ends) / min(ends)) ** TEXT_REACH
    beside = [
        geom_text(
            aes(x=max(ends) * reach**0.2, y="place", label="text"),
            size=6, ha="left", va="center", color="#222222", alpha=1.0,
        ),
        expand_limits(x=[max(ends) * reach]),
    ]  # fmt: skip
    return [
        geom_hline(yintercept=[0.5 - row for row in range(1, rows)], color="#CCCCCC", size=0.3),
        geom_segment(bars, table.dropna(subset=["ci_low"]), size=0.6),
        geom_point(aes("ratio", "place"), size=1.4, stroke=0.3),
        *(beside if few else []),
    ]


def _axes(table: pd.DataFrame, rows: int) -> list[Any]:
    names = table.drop_duplicates("platform")
    return [
        scale_x_log10(breaks=round_ratios, labels=format_ticks, expand=(0.08, 0)),
        expand_limits(x=[0.8, 1.25]),
        scale_y_continuous(
            breaks=list(names["row"]),
            labels=list(names["platform"]),
            limits=(0.5 - rows, 0.5),
            expand=(0, 0),
        ),
    ]


def round_ratios(limits: tuple[float, float]) -> list[float]:
    """Return round numbers along a logarithmic axis, with 1, as many as have room."""
    low, high = limits
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = {round(n * 10.0**d, 9) for d in decades for n in ROUNDNESS}
    gap, chosen = (high / low) ** ROOM, [1.0]
    for ratio in sorted(inside, key=lambda ratio: (ROUNDNESS.index(_digits(ratio)), ratio)):
        if low <= ratio <= high and all(max(ratio / o, o / ratio) >= gap for o in chosen):
            chosen.append(ratio)
    return sorted(chosen)


def _digits(ratio: float) -> float:
    return round(ratio / 10.0 ** math.floor(math.log10(ratio) + EPSILON), 6)
