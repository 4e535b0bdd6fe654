# SPDX-License-Identifier: Apache-2.0
"""What ran, what did not, and why: cells, other jobs, sequential sampling, and wall time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

import pandas as pd

from featherbench.records.cell import Cell, Failure, StampedBy
from featherbench.records.plan import CellName, Plan, PlannedPlatform
from featherbench.records.stopping_decisions import InterimLook
from featherbench.report.tables import LEVEL, Columns, Row, Table, figure, name, prose, table
from featherbench.wording.formatting import count, duration, percentage

MOMENT = "%Y-%m-%d %H:%M UTC"
PAUSE_S = 600
"""A gap between cells that is longer than this, and than any build, is a pause between two runs."""
CAPTION = "Deployments taken by sequential sampling"
NOT_DECIDED = "not decided: the run ended, or a cell failed, before sampling stopped"
UNAVAILABLE = "this machine cannot run the platform"
COLUMNS: Columns = {
    "platform": name("platform"),
    "workload": name("workload"),
    "metric": name("metric"),
    LEVEL: figure("level", count),
    "deployments": figure("deployments", count),
    "valid windows": figure("windows", count),
    "interval, ±": figure("half_width", percentage),
    "time": figure("spent_s", duration),
    "why it stopped": prose("reason"),
}


class State(StrEnum):
    """Whether a cell was measured."""

    MEASURED = "measured"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, kw_only=True)
class CellOutcome:
    """One requested cell. `failure` is its own, or that of a job that it waited for."""

    cell: CellName
    state: State
    failure: Failure | None = None


def cell_outcomes(
    plan: Plan, cells: Sequence[Cell], failures: Sequence[Failure]
) -> tuple[CellOutcome, ...]:
    """Return the outcome of every cell of the plan, in its order."""
    measured = {str(cell.coordinates) for cell in cells}
    by_job = {failure.job: failure for failure in failures}
    platforms = {platform.name: platform for platform in plan.platforms}
    outcomes = []
    for cell in plan.cells():
        failure = by_job.get(f"measure/{cell}")
        if str(cell) in measured:
            state, failure = State.MEASURED, None
        elif failure:
            state = State.FAILED
        else:
            jobs = _jobs_before(cell, platforms[cell.platform])
            failed = (by_job[job] for job in jobs if job in by_job)
            state, failure = State.NOT_REACHED, next(failed, None)
        outcomes.append(CellOutcome(cell=cell, state=state, failure=failure))
    return tuple(outcomes)


def _jobs_before(cell: CellName, platform: PlannedPlatform) -> Iterator[str]:
    """Yield the jobs that a cell waits for, the nearest first."""
    for job in ("warmup", "deploy"):
        yield f"{job}/{cell.platform}/{cell.workload}/d{cell.deployment}"
    for service in platform.services.get(cell.workload, (cell.workload,)):
        yield f"build_image/{platform.image_owner}/{service}"
    for derived in reversed(platform.derived_root_filesystems):
        yield f"derived_root_filesystem/{derived}"
    yield "root_filesystem"


def unmeasured(outcomes: Sequence[CellOutcome]) -> list[list[CellOutcome]]:
    """Group the cells that were not measured by platform, workload and reason."""
    groups: dict[tuple[str, ...], list[CellOutcome]] = {}
    for outcome in outcomes:
        if outcome.state is not State.MEASURED:
            failure, cell = outcome.failure, outcome.cell
            why = (failure.message, failure.remedy) if failure else ()
            key = (cell.platform, cell.workload, outcome.state, *why)
            groups.setdefault(key, []).append(outcome)
    return list(groups.values())


def other_failures(plan: Plan | None, failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Return the failures that belong to no single cell, without those of an earlier plan."""
    if plan is None:
        return tuple(failures)
    deployed = {str(cell).rpartition("/")[0] for cell in plan.cells()}
    others = ((failure, *failure.job.partition("/")) for failure in failures)
    return tuple(
        failure
        for failure, kind, _, of in others
        if kind != "measure" and (kind not in {"deploy", "warmup"} or of in deployed)
    )


def without_probe(cells: Sequence[Cell]) -> list[str]:
    """Return the platforms whose starts were timed to the first packet of any kind."""
    return sorted(
        {
            cell.coordinates.platform
            for cell in cells
            for window in cell.windows
            if window.notes.get("stamped_by") == StampedBy.FIRST_FRAME
        }
    )


def stopping_table(plan: Plan | None, looks: Sequence[InterimLook]) -> Sequence[Table]:
    """Return the one table of all series that were sampled sequentially, if there are any."""
    rows = [] if plan is None else [*_with_look(looks), *_without_look(plan, looks)]
    return (table(pd.DataFrame(rows), COLUMNS, CAPTION),) if rows else ()


def _with_look(looks: Sequence[InterimLook]) -> Iterator[Row]:
    for look in looks:
        for level in look.levels:
            for series in level.series:
                yield series.model_dump() | {
                    "platform": look.platform,
                    "workload": look.workload,
                    "level": level.load_point.level,
                    "load_point": str(level.load_point),
                    "spent_s": level.spent_s,
                    "reason": level.reason.value if level.reason else NOT_DECIDED,
                }


def _without_look(plan: Plan, looks: Sequence[InterimLook]) -> Iterator[Row]:
    seen = {(look.platform, look.workload) for look in looks}
    for platform in plan.platforms:
        for workload in plan.workloads:
            if workload.until and (platform.name, workload.name) not in seen:
                reason = NOT_DECIDED if platform.runs(workload.name) else UNAVAILABLE
                yield {"platform": platform.name, "workload": workload.name, "reason": reason}


def wall_time(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return the time from the start of the first cell to the end of the last one; empty if none.

    `wall_s` is without `pauses_s` between two runs, and `parts` has name and duration of each part
    of it: the windows, the other activities of the measuring jobs, and the time between these jobs
    for deployments, warm-ups and Snakemake.
    """
    if not cells:
        return {}
    spans = sorted((_time(cell.started_utc), _time(cell.finished_utc)) for cell in cells)
    gaps_s = ((start - end).total_seconds() for (_, end), (start, _) in pairwise(spans))
    pauses_s = sum(gap_s for gap_s in gaps_s if gap_s > PAUSE_S)
    first, last = spans[0][0], max(end for _, end in spans)
    wall_s = (last - first).total_seconds() - pauses_s
    windows_s = sum(window.duration_s for cell in cells for window in cell.windows)
    overhead_s: Counter[str] = Counter()
    for cell in cells:
        overhead_s.update(cell.overhead_s)
    jobs_s = sum(cell.duration_s for cell in cells)
    activities = [each for each in overhead_s.most_common() if each[1] > 0]
    unaccounted_s = jobs_s - windows_s - sum(spent_s for _, spent_s in activities)
    return {
        "first_utc": f"{first:{MOMENT}}",
        "last_utc": f"{last:{MOMENT}}",
        "wall_s": wall_s,
        "windows_s": windows_s,
        "pauses_s": pauses_s,
        "parts": [
            ("windows", windows_s),
            *((f"measuring jobs: {name}", spent_s) for name, spent_s in activities),
            ("measuring jobs: starts, stops and checks", max(0.0, unaccounted_s)),
            ("between measuring jobs: deployments, warm-ups, Snakemake", max(0.0, wall_s - jobs_s)),
        ],
    }


def _time(utc: str) -> datetime:
    return datetime.fromisoformat(utc).astimezone(UTC)
