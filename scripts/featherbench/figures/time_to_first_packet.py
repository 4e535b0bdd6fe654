# SPDX-License-Identifier: Apache-2.0
"""Time to first packet against link bandwidth, on a machine that the image must be sent to."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9

from featherbench.figures.catalogue import FigureSpec
from featherbench.figures.theme import format_ticks, format_value, framed, legend
from featherbench.records.cell import Metric
from featherbench.statistics.data.samples import declared
from featherbench.statistics.summary import half_width
from featherbench.statistics.time_to_first_packet import Contender, contenders, fastest_by_bandwidth

WIDTH_IN, HEIGHT_IN, PANEL_IN = 8.0, 4.8, 3.0
LEAST_MBIT_S, MOST_MBIT_S, STEPS = 1.0, 100_000.0, 101
BANDWIDTHS_MBIT_S = np.geomspace(LEAST_MBIT_S, MOST_MBIT_S, STEPS)
TOP, TEXT_ROWS = 4.0, 3
"""The height of the text above the lines, as a factor, and its number of rows."""
BREAKS = [1, 10, 100, 1_000, 10_000, 100_000]
DECADES = [10.0**power for power in range(-6, 9)]


def of_contenders(samples: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Return the samples of the platforms that have a start and an image of some service."""
    groups = contenders(samples, metrics).values()
    names = {contender.platform for group in groups for contender in group}
    return samples[samples["platform"].isin(names)]


def draw(spec: FigureSpec, samples: pd.DataFrame, metrics: Iterable[Metric]) -> p9.ggplot:
    """Draw the lines, and the bandwidths from which on another platform is the fastest.

    At least one service has a platform with a start and an image.
    """
    known = declared(samples, metrics)
    panels = {known[name].service: title for name, title in spec.panels.items() if name in known}
    by_service = contenders(samples, metrics)
    groups = {service: by_service[service] for service in by_service if service in panels}
    table = _lines(groups, panels, samples)
    x = "bandwidth of the link [Mbit/s]"
    return (
        p9.ggplot(table, p9.aes("bandwidth", "time", color="label", linetype="label"))
        + _lines_of(table)
        + _rings(_changes(groups, panels), TOP * table["high"].max())
        + legend(table)
        + p9.scale_x_log10(breaks=BREAKS, labels=format_ticks)
        + p9.scale_y_log10(breaks=DECADES, labels=format_ticks)
        + p9.coord_cartesian(ylim=(0.6 * table["low"].min(), 1.4 * TOP * table["high"].max()))
        + framed(spec, table, WIDTH_IN, HEIGHT_IN, panel_in=PANEL_IN, x=x, y=spec.axis)
    )


def _lines(
    groups: Mapping[str, list[Contender]], panels: Mapping[str, str], samples: pd.DataFrame
) -> pd.DataFrame:
    parts = [
        _line(contender, panels[service])
        for service, group in groups.items()
        for contender in group
    ]
    known = samples[["platform", "technology", "hypervisor"]].drop_duplicates("platform")
    table = known.merge(pd.concat(parts), on="platform")
    return table.assign(
        label=pd.Categorical(table["platform"], categories=list(table["platform"].unique())),
        panel=pd.Categorical(table["panel"], categories=[panels[service] for service in groups]),
    )


def _line(contender: Contender, panel: str) -> pd.DataFrame:
    starts_s = pd.Series(contender.starts_s)
    half = np.nan_to_num(half_width(starts_s.std(), len(starts_s)))
    time = contender.time_s(BANDWIDTHS_MBIT_S)
    spread = min(half, 0.9 * contender.start_s)
    return pd.DataFrame(
        {"bandwidth": BANDWIDTHS_MBIT_S, "time": time, "low": time - spread, "high": time + spread}
    ).assign(platform=contender.platform, panel=panel)


def _changes(groups: Mapping[str, list[Contender]], panels: Mapping[str, str]) -> pd.DataFrame:
    """Return the points, within the axis, at which another platform becomes the fastest."""
    rows = [
        (panels[service], above.low, fastest.time_s(above.low))
        for service, group in groups.items()
        for _, above in pairwise(fastest_by_bandwidth(group))
        for fastest in group
        if fastest.platform == above.platform and LEAST_MBIT_S <= above.low <= MOST_MBIT_S
    ]
    table = pd.DataFrame(rows, columns=["panel", "bandwidth", "time"])
    table["text"] = [f"{format_value(bandwidth)} Mbit/s" for bandwidth in table["bandwidth"]]
    table["panel"] = pd.Categorical(
        table["panel"], categories=[panels[service] for service in groups]
    )
    return table


def _lines_of(table: pd.DataFrame) -> list[Any]:
    band = p9.aes(ymin="low", ymax="high", fill="label")
    ends = table[np.isin(table["bandwidth"], BANDWIDTHS_MBIT_S[:: (STEPS - 1) // 5])]
    return [
        p9.geom_ribbon(band, alpha=0.2, color="none", show_legend=False),
        p9.geom_line(size=0.7),
        p9.geom_point(p9.aes(shape="label", fill="label"), ends, size=1.8, stroke=0.3),
    ]


def _rings(changes: pd.DataFrame, top: float) -> list[Any]:
    """Ring the changes, and write their bandwidths above all lines, neighbours at two heights."""
    heights = [TOP ** -((place % TEXT_ROWS) / TEXT_ROWS) for place in range(len(changes))]
    changes = changes.assign(height=[top * height for height in heights])
    at = {"x": "bandwidth", "y": "time"}
    shared: dict[str, Any] = {"data": changes, "color": "#222222", "inherit_aes": False}
    return [
        p9.geom_segment(
            p9.aes(**at, xend="bandwidth", yend="height"), linetype="dotted", size=0.4, **shared
        ),
        p9.geom_point(p9.aes(**at), shape="o", fill="none", size=4, stroke=0.6, **shared),
        p9.geom_text(
            p9.aes("bandwidth", "height", label="text"),
            size=7, ha="left", va="center", nudge_x=0.06, **shared,
        ),
    ]  # fmt: skip
