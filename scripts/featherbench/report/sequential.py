# SPDX-License-Identifier: Apache-2.0
"""How many deployments sequential sampling took for each level, and why it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from featherbench.report.tables import figure, name, prose, table
from featherbench.wording.formatting import count, duration, percentage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.records.plan import Plan
    from featherbench.records.stopping_decisions import InterimLook
    from featherbench.report.tables import Columns, Row, Table

CAPTION = "Deployments taken by sequential sampling"
NOT_DECIDED = "not decided: the run ended, or a cell failed, before sampling stopped"
UNAVAILABLE = "this machine cannot run the platform"
COLUMNS: Columns = {
    "platform": name("platform"),
    "workload": name("workload"),
    "metric": name("metric"),
    "connections": figure("concurrency", count),
    "deployments": figure("deployments", count),
    "valid windows": figure("windows", count),
    "interval, ±": figure("half_width", percentage),
    "time": figure("spent_s", duration),
    "why it stopped": prose("reason"),
}


def stopping_table(plan: Plan | None, looks: Sequence[InterimLook]) -> Sequence[Table]:
    """Return the one table of all series that were sampled sequentially, if there are any."""
    rows = [] if plan is None else [*_with_look(looks), *_without_look(plan, looks)]
    return (table(pd.DataFrame(rows), COLUMNS, CAPTION),) if rows else ()


def _with_look(looks: Sequence[InterimLook]) -> Iterator[Row]:
    for look in looks:
        for level in look.levels:
            for series in level.series:
                yield {
                    "platform": look.platform,
                    "workload": look.workload,
                    "metric": series.metric,
                    "concurrency": level.concurrency,
                    "deployments": series.deployments,
                    "windows": series.windows,
                    "half_width": series.half_width,
                    "spent_s": level.spent_s,
                    "reason": level.reason.value if level.reason else NOT_DECIDED,
                }


def _without_look(plan: Plan, looks: Sequence[InterimLook]) -> Iterator[dict[str, Any]]:
    seen = {(look.platform, look.workload) for look in looks}
    for platform in plan.platforms:
        for workload in plan.workloads:
            if workload.until and (platform.name, workload.name) not in seen:
                reason = NOT_DECIDED if platform.runs(workload.name) else UNAVAILABLE
                yield {"platform": platform.name, "workload": workload.name, "reason": reason}
