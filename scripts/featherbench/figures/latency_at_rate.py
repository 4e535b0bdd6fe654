# SPDX-License-Identifier: Apache-2.0
"""Latency against the rate that an open loop offers."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotnine as p9

from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.latency_throughput import US_PER_MS
from featherbench.figures.line_plot import LevelAxis
from featherbench.figures.theme import format_ticks, framed, legend
from featherbench.records.cell import Metric
from featherbench.records.load_point import Axis
from featherbench.statistics.data.samples import declared, latencies_of

WIDTH_IN, HEIGHT_IN, PANEL_IN = 6.5, 4.0, 4.0
PLATFORM_IN = 0.2
"""What each platform adds to the height."""
PERCENTILES = {"p50": "median", "p99": "p99", "p999": "p99.9"}
LINES = {"median": "dotted", "p99": "solid", "p99.9": "dashed"}
ASIDE = 0.5
"""The share of the room beside a level that the platforms' marks take."""
LABEL = 0.12
"""The share of the axis that a rate's label takes."""
OFFERED = {Axis.PERCENT: "offered rate [% of what the baseline reaches]"}


def points(spec: FigureSpec, summary: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Return the rows of the latencies' percentiles, in ms, with `panel` and `percentile`."""
    by_name = declared(summary, metrics)
    tables = []
    for name, panel in spec.panels.items():
        names = latencies_of(by_name[name], by_name.values()) if name in by_name else {}
        for statistic, title in PERCENTILES.items():
            rows = summary[(summary["metric"] == names.get(statistic)) & (summary["n"] > 0)]
            tables.append(rows.assign(panel=panel, percentile=title))
    table = pd.concat(tables, ignore_index=True) if tables else summary.head(0)
    figures = ["mean", "ci_low", "ci_high"]
    return table.assign(**{name: table[name] / US_PER_MS for name in figures})


def draw(spec: FigureSpec, table: pd.DataFrame, metrics: Iterable[Metric]) -> p9.ggplot:
    """Draw the rows of `points`; there is at least one."""
    (axis, *_) = (metric.axis for metric in metrics if metric.name in spec.panels)
    x = OFFERED.get(axis, "offered rate [requests/s]")
    levels = LevelAxis(tuple(sorted(table["level"].unique())), label_share=LABEL)
    table = _prepared(spec, table, levels)
    height_in = HEIGHT_IN + PLATFORM_IN * len(table["label"].cat.categories)
    return (
        p9.ggplot(table, p9.aes("place", "mean", color="label", fill="label", shape="label"))
        + _layers(table)
        + legend(table, lines=False)
        + p9.scale_linetype_manual(list(LINES.values()), limits=list(LINES))
        + levels.scale()
        + p9.scale_y_log10(labels=format_ticks)
        + framed(spec, table, WIDTH_IN, height_in, panel_in=PANEL_IN, x=x, y=spec.axis)
    )


def _prepared(spec: FigureSpec, table: pd.DataFrame, levels: LevelAxis) -> pd.DataFrame:
    """Put the platforms side by side, and keep what a logarithmic axis can show of an interval."""
    names = list(table["platform"].unique())
    panels = list(dict.fromkeys(spec.panels.values()))
    label = pd.Categorical(table["platform"], categories=names)
    aside = pd.Series((label.codes + 0.5) / len(names) - 0.5, index=table.index)
    return table.assign(
        label=label,
        place=levels.beside(table["level"], ASIDE * aside),
        panel=pd.Categorical(table["panel"], categories=panels),
        percentile=pd.Categorical(table["percentile"], categories=list(LINES)),
        floor=table["ci_low"].clip(lower=table["mean"] / 10),
    ).sort_values(["label", "percentile", "level"])


def _layers(table: pd.DataFrame) -> list[Any]:
    line = ["label", "panel", "percentile"]
    several = table[table.groupby(line, observed=True)["level"].transform("size") > 1]
    of_line = several.assign(line=several["platform"] + several["percentile"].astype(str))
    bars = p9.aes(x="place", xend="place", y="floor", yend="ci_high")
    suspect = table[table["n_suspect"] > 0]
    return [
        p9.geom_line(p9.aes(linetype="percentile", group="line"), of_line, size=0.5),
        p9.geom_segment(bars, table.dropna(subset=["floor"]), size=0.35, show_legend=False),
        p9.geom_point(size=1.8, stroke=0.35),
        p9.geom_point(data=suspect, size=1.8, stroke=0.35, fill="#FFFFFF", show_legend=False),
    ]
