# SPDX-License-Identifier: Apache-2.0
"""The status of every requested cell, and why some were not measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.records.cell import Cell, Failure
    from featherbench.records.plan import CellName, Plan, PlannedPlatform


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


@dataclass(frozen=True, kw_only=True)
class Unmeasured:
    """Cells of one platform and workload that were not measured for the same reason.

    `failure` is None if the run ended before these cells.
    """

    platform: str
    workload: str
    state: State
    failure: Failure | None
    cells: tuple[str, ...]


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
    for name in reversed(platform.derived_root_filesystems):
        yield f"derived_root_filesystem/{name}"
    yield "root_filesystem"


def unmeasured(outcomes: Sequence[CellOutcome]) -> tuple[Unmeasured, ...]:
    """Group the cells that were not measured by platform, workload and reason."""
    groups: dict[tuple[str, ...], list[CellOutcome]] = {}
    for outcome in outcomes:
        if outcome.state is not State.MEASURED:
            failure, cell = outcome.failure, outcome.cell
            why = (failure.message, failure.remedy) if failure else ()
            key = (cell.platform, cell.workload, outcome.state.value, *why)
            groups.setdefault(key, []).append(outcome)
    return tuple(
        Unmeasured(
            platform=group[0].cell.platform,
            workload=group[0].cell.workload,
            state=group[0].state,
            failure=group[0].failure,
            cells=tuple(f"d{one.cell.deployment}/c{one.cell.concurrency}" for one in group),
        )
        for group in groups.values()
    )


def other_failures(plan: Plan | None, failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Return the failures that belong to no single cell, without those of an earlier plan."""
    if plan is None:
        return tuple(failures)
    requested = {str(cell).rpartition("/")[0] for cell in plan.cells()}
    return tuple(failure for failure in failures if _is_other(failure.job, requested))


def _is_other(job: str, requested: set[str]) -> bool:
    kind, _, deployed = job.partition("/")
    return kind != "measure" and (kind not in {"deploy", "warmup"} or deployed in requested)


def state_counts(outcomes: Sequence[CellOutcome]) -> Mapping[State, int]:
    """Return the number of cells in each state."""
    counts = Counter(outcome.state for outcome in outcomes)
    return {state: counts[state] for state in State}
