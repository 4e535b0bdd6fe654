# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of a plan and writes them: the same tables give the same bytes."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import plotnine as p9
from matplotlib import pyplot as plt

from featherbench.figures import (
    distribution,
    dot_plot,
    forest_plot,
    latency_at_rate,
    latency_throughput,
    line_plot,
    quantile_plot,
    run_order,
    time_to_first_packet,
)
from featherbench.figures.catalogue import FORMATS, INVARIABLE, PER_WORKLOAD, FigureKind, FigureSpec
from featherbench.figures.theme import DPI
from featherbench.figures.transforms import SERIES, in_order
from featherbench.files import open_atomic
from featherbench.records.plan import Plan, PlannedPlatform
from featherbench.statistics.data.histograms import COLUMNS
from featherbench.statistics.data.samples import valid
from featherbench.statistics.data.table_io import require_computed

MOST_OF_REASON = 240
REPRODUCIBLE: dict[str, dict[str, None]] = {"svg": {"Date": None}, "png": {}}
"""Metadata that the formats would otherwise take from the clock."""


@dataclass(frozen=True, kw_only=True)
class FigureData:
    """The tables that figures are drawn from; the paper's data have no ratios, no quantiles."""

    plan: Plan
    samples: pd.DataFrame
    summary: pd.DataFrame
    ratios: pd.DataFrame
    quantiles: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))


def draw(spec: FigureSpec, data: FigureData, folder: Path) -> None:
    """Draw a figure that is resolved for the plan into `folder`, as SVG and PNG."""
    save(figure(spec, data), folder, spec.name)


def draw_reason(spec: FigureSpec, reason: str, folder: Path) -> None:
    """Draw, in the place of a figure, why it could not be drawn."""
    plt.close("all")
    reason = textwrap.shorten(reason, MOST_OF_REASON).replace("$", r"\$")
    said = "\n".join([f"{spec.title}: could not be drawn", *textwrap.wrap(reason, 80)])
    save(_text(said), folder, spec.name)


def figure(spec: FigureSpec, data: FigureData) -> p9.ggplot:
    """Draw a figure that is resolved for the plan; without valid data, one that says so."""
    platforms, metrics = spec.platforms(data.plan), data.plan.metrics
    samples = in_order(platforms, data.samples)
    summary = in_order(platforms, require_computed(data.summary))
    of_summary = _of(spec, summary)
    draw: Callable[[FigureSpec, pd.DataFrame], p9.ggplot]
    match spec.kind:
        case FigureKind.DOT_PLOT:
            rows = of_summary
            draw = partial(dot_plot.draw, windows=valid(_of(spec, samples)))
        case FigureKind.LINE_PLOT:
            rows, draw = of_summary, line_plot.draw
        case FigureKind.RATIOS:
            rows = _ratios(spec, platforms, data.ratios, of_summary)
            draw = forest_plot.draw
        case FigureKind.LATENCY_THROUGHPUT:
            rows = latency_throughput.points(spec, summary, metrics)
            draw = latency_throughput.draw
        case FigureKind.LATENCY_AT_RATE:
            rows = latency_at_rate.points(spec, summary, metrics)
            draw = partial(latency_at_rate.draw, metrics=metrics)
        case FigureKind.QUANTILES:
            shown = in_order(platforms, quantile_plot.of_panels(spec, data.quantiles))
            rows, draw = _with_names(platforms, shown), quantile_plot.draw
        case FigureKind.DISTRIBUTION:
            rows, draw = valid(_of(spec, samples[samples["primary"]])), distribution.draw
        case FigureKind.RUN_ORDER:
            rows, draw = _varying(samples), run_order.draw
        case FigureKind.TIME_TO_FIRST_PACKET:
            rows = time_to_first_packet.of_contenders(samples, metrics)
            draw = partial(time_to_first_packet.draw, metrics=metrics)
    return draw(spec, rows) if _has_values(spec, rows) else _empty(spec, rows)


def save(plot: p9.ggplot, folder: Path, name: str) -> None:
    """Write a figure in every format, each atomically."""
    with mpl.rc_context({"svg.hashsalt": "featherbench"}):
        drawn = plot.draw()
        for kind in FORMATS:
            with open_atomic(folder / f"{name}.{kind}") as file:
                drawn.savefig(file, format=kind, dpi=DPI, metadata=REPRODUCIBLE[kind])
            drawn.set_layout_engine(None)  # the layout is done, and stays for the next format
        plt.close(drawn)


def _of(spec: FigureSpec, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["metric"].isin(list(spec.panels))]


def _ratios(
    spec: FigureSpec,
    platforms: Sequence[PlannedPlatform],
    ratios: pd.DataFrame,
    summary: pd.DataFrame,
) -> pd.DataFrame:
    """Return the ratios of these platforms, in their order, with technology and hypervisor."""
    table = _of(spec, require_computed(ratios)).dropna(subset=["ratio"])
    ordered = in_order(platforms, _with_amounts(table, summary) if spec.amounts else table)
    return _with_names(platforms, ordered)


def _with_names(platforms: Sequence[PlannedPlatform], table: pd.DataFrame) -> pd.DataFrame:
    """Add technology and hypervisor, which decide the style."""
    by_name = {platform.name: platform for platform in platforms}
    return table.assign(
        technology=[by_name[name].technology for name in table["platform"]],
        hypervisor=[by_name[name].hypervisor for name in table["platform"]],
    )


def _with_amounts(ratios: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Add the mean of each as its `amount`, and rows of the baseline, whose ratio is 1."""
    amounts = summary[[*SERIES, "mean"]].rename(columns={"mean": "amount"})
    table = ratios.merge(amounts, on=SERIES, how="outer")
    is_baseline = table["platform"].isin(ratios["baseline"])
    return table[is_baseline | table["ratio"].notna()].fillna({"ratio": 1.0, "p_adj": 0.0})


def _varying(samples: pd.DataFrame) -> pd.DataFrame:
    """Leave out metrics with one value of each series, which show nothing, unless all are so."""
    main = valid(samples[samples["primary"] & ~samples["workload"].isin(INVARIABLE)])
    values = main.groupby(SERIES, sort=False)["value"].transform("size")
    several = values.groupby(main["metric"]).transform("max") > 1
    return main[several] if several.any() else main


def _has_values(spec: FigureSpec, rows: pd.DataFrame) -> bool:
    return bool((rows["n"] > 0).any()) if spec.kind in PER_WORKLOAD else len(rows) > 0


def _empty(spec: FigureSpec, rows: pd.DataFrame) -> p9.ggplot:
    invalid = int(rows["n_invalid"].sum()) if spec.kind in PER_WORKLOAD else 0
    reason = f"all {invalid} windows are invalid" if invalid else "nothing was measured"
    return _text(f"{spec.title}: no valid data\n{reason}")


def _text(text: str) -> p9.ggplot:
    return (
        p9.ggplot()
        + p9.annotate("text", x=0, y=0, label=text, size=11)
        + p9.theme_void()
        + p9.theme(figure_size=(6.5, 1.6), dpi=DPI)
    )
