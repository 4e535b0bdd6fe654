# SPDX-License-Identifier: Apache-2.0
"""Gives each of the further figures the rows that it shows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from featherbench.figures import (
    distribution,
    forest_plot,
    latency_throughput,
    run_order,
    time_to_first_packet,
)
from featherbench.figures.further import INVARIABLE, Kind
from featherbench.figures.relative import LIKE
from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from plotnine import ggplot

    from featherbench.figures.further import Further
    from featherbench.records.plan import Plan, PlannedPlatform


def draw(
    entry: Further,
    plan: Plan,
    *,
    samples: pd.DataFrame,
    summary: pd.DataFrame,
    compared: pd.DataFrame,
) -> ggplot | None:
    """Give one figure, of the samples, the summary and the ratios; None without a valid row."""
    drawn_by: Callable[[Further, pd.DataFrame], ggplot]
    shown = entry.platforms(plan)
    match entry.kind:
        case Kind.RATIOS:
            table, drawn_by = _ratios(entry, shown, compared), forest_plot.draw
        case Kind.TRADEOFF:
            table, drawn_by = (
                latency_throughput.points(entry, in_order(shown, summary)),
                latency_throughput.draw,
            )
        case Kind.DISTRIBUTION:
            table, drawn_by = in_order(shown, _main(entry, samples)), distribution.draw
        case Kind.COURSE:
            table, drawn_by = in_order(shown, _varying(samples)), run_order.draw
        case Kind.PROVISIONING:
            table, drawn_by = (
                time_to_first_packet.of_contenders(in_order(shown, samples), plan.metrics),
                partial(time_to_first_packet.draw, metrics=plan.metrics),
            )
    return drawn_by(entry, table) if len(table) else None


def in_order(platforms: Sequence[PlannedPlatform], table: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of these platforms, in their order."""
    order = {platform.name: place for place, platform in enumerate(platforms)}
    mine = table[table["platform"].isin(list(order))]
    return mine.sort_values("platform", key=lambda column: column.map(order), kind="stable")


def _ratios(
    entry: Further, platforms: Sequence[PlannedPlatform], table: pd.DataFrame
) -> pd.DataFrame:
    mine = table[table["metric"].isin(list(entry.panels))].dropna(subset=["ratio"])
    known = {platform.name: platform for platform in platforms}
    ordered = in_order(platforms, mine)
    return ordered.assign(
        technology=[known[name].technology for name in ordered["platform"]],
        hypervisor=[known[name].hypervisor for name in ordered["platform"]],
    )


def _main(entry: Further, samples: pd.DataFrame) -> pd.DataFrame:
    return valid(samples[samples["primary"] & samples["metric"].isin(list(entry.panels))])


def _varying(samples: pd.DataFrame) -> pd.DataFrame:
    """Leave out metrics that have one value of each, which show nothing, unless all have."""
    main = valid(samples[samples["primary"] & ~samples["workload"].isin(INVARIABLE)])
    values = main.groupby(LIKE, sort=False)["value"].transform("size")
    several = values.groupby(main["metric"]).transform("max") > 1
    return main[several] if several.any() else main
