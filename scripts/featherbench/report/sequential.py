# SPDX-License-Identifier: Apache-2.0
"""How many deployments were taken where that was found out, and why not more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from featherbench.report.tables import Kind, count_of, percentage_of, table, text_of
from featherbench.wording.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.records.plan import Plan
    from featherbench.records.stopping_decisions import InterimLook, LevelDecision, SeriesPrecision
    from featherbench.report.tables import Row, Shown, Table

CAPTION = "How many deployments were enough"
UNDECIDED = "undecided: the run ended, or a cell failed, before it was enough"
UNAVAILABLE = "this host cannot run the platform"


def _duration(row: Row) -> str:
    return duration(row.get("spent_s"))


ENOUGH: Shown = {
    "platform": (Kind.NAME, text_of("platform")),
    "workload": (Kind.NAME, text_of("workload")),
    "metric": (Kind.NAME, text_of("metric")),
    "connections": (Kind.NUMBER, count_of("concurrency")),
    "deployments": (Kind.NUMBER, count_of("deployments")),
    "valid windows": (Kind.NUMBER, count_of("windows")),
    "interval, ±": (Kind.NUMBER, percentage_of("half_width")),
    "time": (Kind.NUMBER, _duration),
    "why it stopped": (Kind.PROSE, text_of("reason")),
}


def enough(plan: Plan | None, looks: Sequence[InterimLook]) -> Sequence[Table]:
    """Give the one table of every series whose number of deployments was found out, if any was."""
    rows = [] if plan is None else [*_looked_at(looks), *_without_look(plan, looks)]
    return (table(pd.DataFrame(rows), ENOUGH, CAPTION),) if rows else ()


def _looked_at(looks: Sequence[InterimLook]) -> Iterator[dict[str, Any]]:
    for look in looks:
        for level in look.levels:
            place = {"platform": look.platform, "workload": look.workload}
            yield from (place | _row(level, series) for series in level.series)


def _row(level: LevelDecision, series: SeriesPrecision) -> dict[str, Any]:
    return {
        "metric": series.metric,
        "concurrency": level.concurrency,
        "deployments": series.deployments,
        "windows": series.windows,
        "half_width": series.half_width,
        "spent_s": level.spent_s,
        "reason": level.reason.value if level.reason else UNDECIDED,
    }


def _without_look(plan: Plan, looks: Sequence[InterimLook]) -> Iterator[dict[str, Any]]:
    seen = {(look.platform, look.workload) for look in looks}
    for platform in plan.platforms:
        for workload in plan.workloads:
            if workload.until and (platform.name, workload.name) not in seen:
                reason = UNDECIDED if platform.runs(workload.name) else UNAVAILABLE
                yield {"platform": platform.name, "workload": workload.name, "reason": reason}
