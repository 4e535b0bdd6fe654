# SPDX-License-Identifier: Apache-2.0
"""Each platform against the baseline, with intervals: a forest plot."""

import math
from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9

from featherbench.figures import theme
from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.transforms import in_panels, in_rows
from featherbench.statistics.conventions import SIGNIFICANT_P

WIDTH_IN, PANEL_IN, FRAME_IN = 6.5, 2.6, 1.5
ROW_IN, LINE_IN, ROOMY_LINE_IN = 0.2, 0.055, 0.13
"""Height of a row: of itself, and for each level, without and with room for text."""
USED = 0.84
"""The share of a row that the levels' lines take."""
PLACES = ("ratio", "ci_low", "ci_high")
PALE = 0.4
FEW = 4
"""Up to this number of levels there is room for the value beside each."""
ROUNDNESS = [1, 5, 2, 3, 7, 1.5, 4, 6, 8, 9, 1.2, 1.1, 1.3, 1.4, 1.6, 1.8, 2.5]
"""The digits of round ratios, in order of preference."""
ROOM = 0.11
"""The least distance of numbers along the axis, as a share of it."""
LEAST = 1e-9
"""The least ratio that is shown, and the inverse of the largest: some intervals have no end."""
TEXT_REACH = 0.3
"""The share of the axis, right of all intervals, that the values take."""


def draw(spec: FigureSpec, table: pd.DataFrame) -> p9.ggplot:
    """Draw rows of the ratios, of which at least one is finite."""
    table = _placed(spec, table)
    rows, levels = len(table["row"].unique()), int(table["lines"].max())
    line_in = ROOMY_LINE_IN if levels <= FEW else LINE_IN
    height_in = FRAME_IN + rows * (ROW_IN + line_in * levels)
    return (
        p9.ggplot(table, p9.aes(color="colour", fill="colour", shape="shape", alpha="alpha"))
        + p9.geom_vline(xintercept=1.0, color="#555555", size=0.4)
        + theme.row_axis(table)
        + _layers(table, few=levels <= FEW)
        + theme.identity_scales()
        + p9.scale_alpha_identity()
        + p9.scale_x_log10(breaks=round_ratios, labels=theme.format_ticks, expand=(0.08, 0))
        + [p9.expand_limits(x=[0.8, 1.25])]
        + theme.framed(spec, table, WIDTH_IN, height_in, panel_in=PANEL_IN, x=spec.axis)
        + p9.theme(panel_grid_major_y=p9.element_blank())
    )


def _placed(spec: FigureSpec, table: pd.DataFrame) -> pd.DataFrame:
    line = table.groupby("metric", sort=False)["level"].rank("dense") - 1
    alpha = np.where(table["p_adj"] < SIGNIFICANT_P, 1.0, PALE)
    shown = table.assign(**{each: table[each].clip(LEAST, 1 / LEAST) for each in PLACES})
    placed = in_rows(in_panels(theme.add_style(shown), spec.panels), line, line.max() + 1, USED)
    return placed.assign(alpha=alpha, text=_texts(table))


def _texts(table: pd.DataFrame) -> list[str]:
    """Return the ratios, with their amounts, or the level if there are several."""
    if "amount" in table:
        pairs = zip(table["amount"], table["ratio"], strict=True)
        return [f"{theme.format_value(ratio)}: {theme.format_value(n)}" for n, ratio in pairs]
    if len(table["level"].unique()) == 1:
        return [theme.format_value(ratio) for ratio in table["ratio"]]
    pairs = zip(table["level"], table["ratio"], strict=True)
    return [f"{theme.format_value(ratio)} at {level:,}" for level, ratio in pairs]


def _layers(table: pd.DataFrame, *, few: bool) -> list[Any]:
    bars = p9.aes(x="ci_low", xend="ci_high", y="place", yend="place")
    ends = [1.0, *table["ci_low"].dropna(), *table["ci_high"].dropna(), *table["ratio"]]
    reach = (max(ends) / min(ends)) ** TEXT_REACH
    beside = [
        p9.geom_text(
            p9.aes(x=max(ends) * reach**0.2, y="place", label="text"),
            size=6, ha="left", va="center", color="#222222", alpha=1.0,
        ),
        p9.expand_limits(x=[max(ends) * reach]),
    ]  # fmt: skip
    return [
        p9.geom_segment(bars, table.dropna(subset=["ci_low"]), size=0.6),
        p9.geom_point(p9.aes("ratio", "place"), size=1.4, stroke=0.3),
        *(beside if few else []),
    ]


def round_ratios(limits: tuple[float, float]) -> list[float]:
    """Return round numbers along a logarithmic axis, with 1, as many as have room."""
    low, high = (min(max(limit, LEAST), 1 / LEAST) for limit in limits)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = {float(f"{n}e{d}"): ROUNDNESS.index(n) for d in decades for n in ROUNDNESS}
    gap, chosen = (high / low) ** ROOM, [1.0]
    for ratio in sorted(inside, key=lambda ratio: (inside[ratio], ratio)):
        if low <= ratio <= high and all(max(ratio / o, o / ratio) >= gap for o in chosen):
            chosen.append(ratio)
    return sorted(chosen)
