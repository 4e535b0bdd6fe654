# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of a plan and writes them: the same tables give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import pyplot as plt
from plotnine import annotate, ggplot, theme, theme_void

from featherbench.figures import dot_plot, further_render, line_plot
from featherbench.figures.catalogue import FORMATS, entries_for
from featherbench.figures.further import Further
from featherbench.figures.theme import DPI
from featherbench.files import open_atomic
from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from featherbench.figures.catalogue import Entry
    from featherbench.records.plan import Plan

REPRODUCIBLE: dict[str, dict[str, None]] = {"svg": {"Date": None}, "png": {}}
"""Metadata that the formats would otherwise take from the clock."""


def draw_all(
    plan: Plan, samples: pd.DataFrame, summary: pd.DataFrame, ratios: pd.DataFrame, folder: Path
) -> None:
    """Draw every figure of `plan` into `folder`, as SVG and PNG."""
    for entry in entries_for(plan):
        if isinstance(entry, Further):
            plot = further(entry, plan, samples=samples, summary=summary, compared=ratios)
        else:
            plot = figure(entry, plan, samples, summary)
        save(plot, folder, entry.name)


def further(entry: Further, plan: Plan, **tables: pd.DataFrame) -> ggplot:
    """Give one of the further figures, see `further_drawing.draw`, or one that says it is empty."""
    return further_render.draw(entry, plan, **tables) or _empty(entry, 0)


def figure(entry: Entry, plan: Plan, samples: pd.DataFrame, summary: pd.DataFrame) -> ggplot:
    """Give one of the paper's figures; where there is nothing valid to show, one that says so."""
    shown = [platform.name for platform in entry.platforms(plan)]
    mine = _of(entry, shown, summary)
    if not (mine["n"] > 0).any():
        return _empty(entry, int(mine["n_invalid"].sum()))
    if entry.sweeps:
        return line_plot.draw(entry, mine)
    return dot_plot.draw(entry, mine, valid(_of(entry, shown, samples)))


def save(plot: ggplot, folder: Path, name: str) -> None:
    """Write a figure in every format, each whole or not at all."""
    with mpl.rc_context({"svg.hashsalt": "featherbench"}):
        drawn = plot.draw()
        for kind in FORMATS:
            with open_atomic(folder / f"{name}.{kind}") as file:
                drawn.savefig(file, format=kind, dpi=DPI, metadata=REPRODUCIBLE[kind])
            drawn.set_layout_engine(None)  # it is laid out, and need not be again
        plt.close(drawn)


def _of(entry: Entry, platforms: list[str], table: pd.DataFrame) -> pd.DataFrame:
    mine = table[table["platform"].isin(platforms) & table["metric"].isin(list(entry.panels))]
    order = {name: place for place, name in enumerate(platforms)}
    return mine.sort_values("platform", key=lambda names: names.map(order), kind="stable")


def _empty(entry: Entry | Further, invalid: int) -> ggplot:
    reason = f"all {invalid} windows are invalid" if invalid else "nothing was measured"
    return (
        ggplot()
        + annotate("text", x=0, y=0, label=f"{entry.title}: no valid data\n{reason}", size=11)
        + theme_void()
        + theme(figure_size=(6.5, 1.6), dpi=DPI)
    )
