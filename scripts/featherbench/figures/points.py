# SPDX-License-Identifier: Apache-2.0
"""A mark for each platform, with its windows and intervals: the paper's Figures 3 and 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    expand_limits,
    facet_wrap,
    geom_point,
    geom_segment,
    geom_text,
    ggplot,
    labs,
    scale_color_identity,
    scale_fill_identity,
    scale_shape_identity,
    scale_x_continuous,
    scale_x_log10,
    scale_y_continuous,
)

from featherbench.figures.theme import house_theme, plain, plain_labels, style, wrapped

if TYPE_CHECKING:
    from featherbench.figures.catalogue import Entry

WIDTH_IN, PANEL_IN, ROW_IN, FRAME_IN = 6.5, 2.4, 0.42, 1.5
TEXT_ABOVE, DOTS_BELOW = 0.3, 0.24
"""Distances from a platform's own line, in rows."""
MARGIN = 0.2
"""Texts in this share of the axis, at either end, are aligned with their mark, not centred."""


def draw(entry: Entry, summary: pd.DataFrame, windows: pd.DataFrame) -> ggplot:
    """Draw the rows of the summary, and the valid windows, that belong to `entry`.

    At least one row has a valid window.
    """
    rows = {name: -row for row, name in enumerate(summary["platform"].unique())}
    table = _bounded(_placed(entry, summary, rows), entry, windows)
    width_in = WIDTH_IN + PANEL_IN * (len(table["panel"].unique()) - 1)
    return (
        ggplot(table, aes(color="colour", fill="colour", shape="shape"))
        + _layers(table, _placed(entry, windows, rows))
        + [scale_color_identity(), scale_fill_identity(), scale_shape_identity()]
        + _axes(entry, rows)
        + [expand_limits(x=_least_span(entry, table["mean"].dropna()))]
        + ([facet_wrap("panel", nrow=1)] if len(table["panel"].unique()) > 1 else [])
        + labs(x=entry.axis, y="", caption=wrapped(entry.caption, width_in))
        + house_theme(width_in, FRAME_IN + ROW_IN * len(rows))
    )


def _placed(entry: Entry, table: pd.DataFrame, rows: dict[str, int]) -> pd.DataFrame:
    """Give each row its panel, its place and its style."""
    panels = [entry.panels[metric] for metric in table["metric"]]
    known = zip(table["platform"], table["technology"], table["host"], strict=True)
    styles = [style(*names) for names in known]
    return table.assign(
        panel=pd.Categorical(panels, categories=list(dict.fromkeys(entry.panels.values()))),
        row=table["platform"].map(rows).astype("float64"),
        colour=[s.colour for s in styles],
        shape=[s.shape for s in styles],
    )


def _bounded(table: pd.DataFrame, entry: Entry, windows: pd.DataFrame) -> pd.DataFrame:
    """Add the ends of the bars, kept above zero, or above all values where zero has no place."""
    floor = 0.9 * windows["value"].min() if entry.log_scale else 0.0
    return table.assign(
        sd_low=(table["mean"] - table["sd"]).clip(lower=floor),
        sd_high=table["mean"] + table["sd"],
        ci_floor=table["ci_low"].clip(lower=floor),
        text_at=table["mean"].fillna(windows["value"].median()),
        side=_sides(table["mean"], entry),
        text=[_text(*row) for row in table[["mean", "n_invalid"]].itertuples(index=False)],
    )


def _sides(means: pd.Series[float], entry: Entry) -> list[str]:
    """Align each text so that it stays inside the panel."""
    places = np.log(means) if entry.log_scale else means
    low, high = (places.min() if entry.log_scale else 0.0), places.max()
    share = (places - low) / ((high - low) or 1.0)
    return list(np.select([share < MARGIN, share > 1 - MARGIN], ["left", "right"], "center"))


def _text(mean: float, invalid: int) -> str:
    value = "no valid window" if np.isnan(mean) else plain(mean)
    return f"{value} ({invalid} invalid)" if invalid else value


def _layers(table: pd.DataFrame, windows: pd.DataFrame) -> list[Any]:
    level = {"y": "row", "yend": "row"}
    spread = table.dropna(subset=["sd_low"])
    sure = table.dropna(subset=["ci_floor"])
    good, suspect = table[table["n"] > 0], table[table["n_suspect"] > 0]
    return [
        geom_point(
            aes("value", "row"), windows.assign(row=windows["row"] - DOTS_BELOW),
            shape="o", size=1.1, stroke=0, alpha=0.35,
        ),
        geom_segment(aes("ci_floor", xend="ci_high", **level), sure, size=2.6, alpha=0.3),
        geom_segment(aes("sd_low", xend="sd_high", **level), spread, size=0.5),
        geom_point(aes("mean", "row"), good, size=2.4, stroke=0.4),
        geom_point(aes("mean", "row"), suspect, size=2.4, stroke=0.4, fill="#FFFFFF"),
        geom_text(
            aes("text_at", "row", label="text", ha="side"),
            color="#222222", size=7, nudge_y=TEXT_ABOVE,
        ),
    ]  # fmt: skip


def _axes(entry: Entry, rows: dict[str, int]) -> list[Any]:
    along = scale_x_log10 if entry.log_scale else scale_x_continuous
    ends = (-len(rows) + 0.5, 0.6)
    return [
        along(labels=plain_labels, expand=(0.1, 0)),
        scale_y_continuous(
            breaks=list(rows.values()), labels=list(rows), limits=ends, expand=(0, 0)
        ),
    ]


def _least_span(entry: Entry, means: pd.Series[float]) -> list[float]:
    """Places that the axis must show: zero, or a decade, lest the eye be shown a difference."""
    if not entry.log_scale:
        return [0.0]
    missing = max(1.0, 10 * means.min() / means.max()) ** 0.5
    return [means.min() / missing, means.max() * missing]
