# SPDX-License-Identifier: Apache-2.0
"""Latency against throughput, along growing load."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotnine as p9
from matplotlib.ticker import MaxNLocator

from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.theme import format_ticks, framed, legend
from featherbench.records.cell import Metric
from featherbench.statistics.data.samples import declared, latencies_of

WIDTH_IN, FRAME_IN, PANEL_IN = 8.5, 1.3, 3.0
US_PER_MS = 1000.0
PERCENTILES = {"p50": "median", "p99": "99th percentile"}
MEAN = {"mean": "mean"}
"""For load generators without percentiles."""
POINT = ["platform", "level"]
FEW_BREAKS = 3
"""More labels of millions would overlap."""
BARS = ["mean", "ci_low", "ci_high"]


def points(spec: FigureSpec, summary: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Join the latencies, in ms, with the throughput of the same platform and level."""
    by_name = declared(summary, metrics)
    tables = [
        _joined(summary, name, latency, f"{title}, {statistic}")
        for name, title in spec.panels.items()
        if name in by_name
        for latency, statistic in _latencies(by_name[name], by_name.values()).items()
    ]
    return pd.concat(tables, ignore_index=True) if tables else summary.head(0)


def _latencies(throughput: Metric, metrics: Iterable[Metric]) -> dict[str, str]:
    """Return the latencies of the same operation, with the titles of their statistics."""
    names = latencies_of(throughput, metrics)
    titles = PERCENTILES if names.keys() & PERCENTILES.keys() else MEAN
    return {names[statistic]: titles[statistic] for statistic in titles if statistic in names}


def _joined(summary: pd.DataFrame, throughput: str, latency: str, panel: str) -> pd.DataFrame:
    rates = summary[(summary["metric"] == throughput) & (summary["n"] > 0)]
    times = summary[(summary["metric"] == latency) & (summary["n"] > 0)].copy()
    times[BARS] = times[BARS] / US_PER_MS
    rates = rates.assign(ci_low=rates["ci_low"].clip(lower=0.0))
    both = rates.merge(times[[*POINT, *BARS]], on=POINT, suffixes=("", "_ms"))
    return both.assign(panel=panel)


def draw(spec: FigureSpec, table: pd.DataFrame) -> p9.ggplot:
    """Draw the rows of `points`; there is at least one."""
    panels = list(table["panel"].unique())
    rows = (len(panels) + 1) // 2
    height_in, x = FRAME_IN + PANEL_IN * rows, "throughput [requests/s]"
    table = table.assign(
        label=pd.Categorical(table["platform"], categories=list(table["platform"].unique())),
        panel=pd.Categorical(table["panel"], categories=panels),
    ).sort_values(["label", "level"])
    return (
        p9.ggplot(table, p9.aes("mean", "mean_ms", color="label", fill="label", shape="label"))
        + _layers(table)
        + legend(table)
        + p9.scale_x_continuous(breaks=_few_breaks, labels=format_ticks)
        + [p9.expand_limits(x=0)]
        + p9.scale_y_log10(labels=format_ticks)
        + framed(spec, table, WIDTH_IN, height_in, rows=rows, x=x, y=spec.axis)
    )


def _few_breaks(limits: tuple[float, float]) -> list[float]:
    return [float(at) for at in MaxNLocator(FEW_BREAKS, steps=[1, 2, 5, 10]).tick_values(*limits)]


def _layers(table: pd.DataFrame) -> list[Any]:
    by = table.groupby(["label", "panel"], observed=True)["level"]
    last = table[table["level"] == by.transform("max")]
    several = table[by.transform("size") > 1]
    suspect = table[table["n_suspect"] > 0]
    # An interval may extend below zero, which a logarithmic axis cannot show.
    high = table.assign(floor=table["ci_low_ms"].clip(lower=table["mean_ms"] / 10))
    return [
        p9.geom_path(p9.aes(linetype="label"), several, size=0.6),
        p9.geom_segment(
            p9.aes(x="ci_low", xend="ci_high", yend="mean_ms"), table.dropna(subset=["ci_low"]),
            size=0.35, show_legend=False,
        ),
        p9.geom_segment(
            p9.aes(y="floor", xend="mean", yend="ci_high_ms"), high.dropna(subset=["floor"]),
            size=0.35, show_legend=False,
        ),
        p9.geom_point(size=1.4, stroke=0.3),
        p9.geom_point(data=last, size=2.6, stroke=0.3, show_legend=False),
        p9.geom_point(data=suspect, size=1.2, stroke=0.3, fill="#FFFFFF", show_legend=False),
    ]  # fmt: skip
