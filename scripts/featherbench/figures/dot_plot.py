# SPDX-License-Identifier: Apache-2.0
"""A mark for each platform, with its windows and intervals: the paper's Figures 3 and 5."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import plotnine as p9

from featherbench.figures import theme
from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.transforms import in_panels

WIDTH_IN, PANEL_IN, ROW_IN, FRAME_IN = 6.5, 2.4, 0.42, 1.5
TEXT_ABOVE, DOTS_BELOW = 0.3, 0.24
ROW_ABOVE, ROW_BELOW = 0.6, 0.5
"""Distances from a platform's own line, in rows."""
MARGIN = 0.2
"""Texts in this share of the axis, at each end, are aligned with their mark, not centred."""


def draw(spec: FigureSpec, summary: pd.DataFrame, windows: pd.DataFrame) -> p9.ggplot:
    """Draw rows of the summary, of which at least one has a valid window, and valid windows."""
    groups = _groups(spec, summary)
    depth = max(map(len, groups))
    rows = {
        name: -number * depth - row
        for number, names in enumerate(groups)
        for row, name in enumerate(names)
    }
    table = _bounded(_placed(spec, summary, rows), spec, windows)
    # each panel's axis has `depth` rows, with room for the text of the first
    first = -depth * (-table["row"] // depth)
    table = table.assign(axis_low=first - depth + ROW_BELOW, axis_high=first + ROW_ABOVE)
    height_in = FRAME_IN + ROW_IN * depth
    scales: Literal["fixed", "free_y"] = "free_y" if len(groups) > 1 else "fixed"
    return (
        p9.ggplot(table, p9.aes(color="colour", fill="colour", shape="shape"))
        + _layers(table, _placed(spec, windows, rows))
        + theme.identity_scales()
        + _axes(spec, rows)
        + [p9.expand_limits(x=_least_span(spec, table["mean"].dropna()))]
        + theme.framed(
            spec, table, WIDTH_IN, height_in, panel_in=PANEL_IN, scales=scales, x=spec.axis
        )
    )


def _groups(spec: FigureSpec, summary: pd.DataFrame) -> list[list[str]]:
    """Return the platforms without and with a fixed amount of memory: no panel has both."""
    is_fixed = summary["metric"].isin(spec.fixed_memory_metrics)
    fixed = list(summary.loc[is_fixed, "platform"].unique())
    others = [name for name in summary["platform"].unique() if name not in fixed]
    return [names for names in (others, fixed) if names]


def _placed(spec: FigureSpec, table: pd.DataFrame, rows: dict[str, int]) -> pd.DataFrame:
    """Add the panel, the row and the style."""
    placed = in_panels(theme.add_style(table), spec.panels)
    return placed.assign(row=table["platform"].map(rows).astype("float64"))


def _bounded(table: pd.DataFrame, spec: FigureSpec, windows: pd.DataFrame) -> pd.DataFrame:
    """Add the ends of the bars, limited to zero, or on a logarithmic axis to below all values."""
    floor = 0.9 * windows["value"].min() if spec.log_scale else 0.0
    return table.assign(
        sd_low=(table["mean"] - table["sd"]).clip(lower=floor),
        sd_high=table["mean"] + table["sd"],
        ci_floor=table["ci_low"].clip(lower=floor),
        text_at=table["mean"].fillna(windows["value"].median()),
        side=_sides(table["mean"], spec),
        text=[_text(*row) for row in table[["mean", "n_invalid"]].itertuples(index=False)],
    )


def _sides(means: pd.Series[float], spec: FigureSpec) -> list[str]:
    """Align each text so that it stays inside the panel."""
    places = np.log(means) if spec.log_scale else means
    low, high = (places.min() if spec.log_scale else 0.0), places.max()
    share = (places - low) / ((high - low) or 1.0)
    return list(np.select([share < MARGIN, share > 1 - MARGIN], ["left", "right"], "center"))


def _text(mean: float, invalid: int) -> str:
    value = "no valid window" if np.isnan(mean) else theme.format_value(mean)
    return f"{value} ({invalid} invalid)" if invalid else value


def _layers(table: pd.DataFrame, windows: pd.DataFrame) -> list[Any]:
    level = {"y": "row", "yend": "row"}
    spread = table.dropna(subset=["sd_low"])
    sure = table.dropna(subset=["ci_floor"])
    good, suspect = table[table["n"] > 0], table[table["n_suspect"] > 0]
    return [
        p9.geom_point(
            p9.aes("value", "row"), windows.assign(row=windows["row"] - DOTS_BELOW),
            shape="o", size=1.1, stroke=0, alpha=0.35, raster=len(windows) > theme.MOST_VECTORS,
        ),
        p9.geom_segment(p9.aes("ci_floor", xend="ci_high", **level), sure, size=2.6, alpha=0.3),
        p9.geom_segment(p9.aes("sd_low", xend="sd_high", **level), spread, size=0.5),
        p9.geom_point(p9.aes("mean", "row"), good, size=2.4, stroke=0.4),
        p9.geom_point(p9.aes("mean", "row"), suspect, size=2.4, stroke=0.4, fill="#FFFFFF"),
        p9.geom_text(
            p9.aes("text_at", "row", label="text", ha="side"),
            color="#222222", size=7, nudge_y=TEXT_ABOVE,
        ),
    ]  # fmt: skip


def _axes(spec: FigureSpec, rows: dict[str, int]) -> list[Any]:
    scale_x = p9.scale_x_log10 if spec.log_scale else p9.scale_x_continuous
    names: dict[Any, str] = {row: name for name, row in rows.items()}
    return [
        scale_x(labels=theme.format_ticks, expand=(0.1, 0)),
        p9.scale_y_continuous(
            breaks=list(names), labels=lambda shown: [names[row] for row in shown], expand=(0, 0)
        ),
        p9.geom_blank(p9.aes(y="axis_low")),
        p9.geom_blank(p9.aes(y="axis_high")),
    ]


def _least_span(spec: FigureSpec, means: pd.Series[float]) -> list[float]:
    """Return places that the axis must show, zero or a decade, so that differences look small."""
    if not spec.log_scale:
        return [0.0]
    missing = max(1.0, 10 * means.min() / means.max()) ** 0.5
    return [means.min() / missing, means.max() * missing]
