# SPDX-License-Identifier: Apache-2.0
"""A mark for each platform, with its windows and intervals: the paper's Figures 3 and 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from plotnine import (
    aes,
    expand_limits,
    geom_blank,
    geom_point,
    geom_segment,
    geom_text,
    ggplot,
    labs,
    scale_x_continuous,
    scale_x_log10,
    scale_y_continuous,
)

from featherbench.figures.style_scales import as_they_are, facets, in_panels, styled
from featherbench.figures.theme import MOST_VECTORS, house_theme, plain, plain_labels, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from featherbench.figures.catalogue import Entry

WIDTH_IN, PANEL_IN, ROW_IN, FRAME_IN = 6.5, 2.4, 0.42, 1.5
TEXT_ABOVE, DOTS_BELOW = 0.3, 0.24
ROW_ABOVE, ROW_BELOW = 0.6, 0.5
"""Distances from a platform's own line, in rows."""
MARGIN = 0.2
"""Texts in this share of the axis, at either end, are aligned with their mark, not centred."""


def draw(entry: Entry, summary: pd.DataFrame, windows: pd.DataFrame) -> ggplot:
    """Draw the rows of the summary, and the valid windows, that belong to `entry`.

    At least one row has a valid window.
    """
    kinds = _kinds(entry, summary)
    depth = max(map(len, kinds))
    rows = {name: -k * depth - row for k, kind in enumerate(kinds) for row, name in enumerate(kind)}
    table = _roomy(_bounded(_placed(entry, summary, rows), entry, windows), depth)
    width_in = WIDTH_IN + PANEL_IN * (len(table["panel"].unique()) - 1)
    return (
        ggplot(table, aes(color="colour", fill="colour", shape="shape"))
        + _layers(table, _placed(entry, windows, rows))
        + as_they_are()
        + _axes(entry, rows)
        + [expand_limits(x=_least_span(entry, table["mean"].dropna()))]
        + facets(table, scales="free_y" if len(kinds) > 1 else "fixed")
        + labs(x=entry.axis, y="", caption=wrapped(entry.caption, width_in))
        + house_theme(width_in, FRAME_IN + ROW_IN * depth)
    )


def _kinds(entry: Entry, summary: pd.DataFrame) -> list[list[str]]:
    """Tell platforms with a fixed amount of memory from others: no panel has rows of both."""
    allotted = summary.loc[summary["metric"].isin(list(entry.allotted)), "platform"].unique()
    others = [name for name in summary["platform"].unique() if name not in allotted]
    return [kind for kind in (others, list(allotted)) if kind]


def _placed(entry: Entry, table: pd.DataFrame, rows: dict[str, int]) -> pd.DataFrame:
    """Give each row its panel, its place and its style."""
    placed = in_panels(styled(table), entry.panels)
    return placed.assign(row=table["platform"].map(rows).astype("float64"))


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


def _roomy(table: pd.DataFrame, depth: int) -> pd.DataFrame:
    """Add the ends of each row's axis: so many rows, with room for the text of the first one."""
    first = -depth * (-table["row"] // depth)
    return table.assign(axis_low=first - depth + ROW_BELOW, axis_high=first + ROW_ABOVE)


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
            shape="o", size=1.1, stroke=0, alpha=0.35, raster=len(windows) > MOST_VECTORS,
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
    names: dict[Any, str] = {row: name for name, row in rows.items()}
    return [
        along(labels=plain_labels, expand=(0.1, 0)),
        scale_y_continuous(
            breaks=list(names), labels=lambda shown: [names[row] for row in shown], expand=(0, 0)
        ),
        geom_blank(aes(y="axis_low")),
        geom_blank(aes(y="axis_high")),
    ]


def _least_span(entry: Entry, means: pd.Series[float]) -> list[float]:
    """Places that the axis must show: zero, or a decade, lest the eye be shown a difference."""
    if not entry.log_scale:
        return [0.0]
    missing = max(1.0, 10 * means.min() / means.max()) ** 0.5
    return [means.min() / missing, means.max() * missing]
