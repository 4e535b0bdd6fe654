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
    from featherbench.records.plan import Plan, PlannedPlatform

NOT_STARTED = "the run ended before this cell; run it again, and it continues from here"


class State(StrEnum):
    """Whether a cell was measured."""

    MEASURED = "measured"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, kw_only=True)
class CellOutcome:
    """One requested cell. `failure` is its own, or that of a job that it waited for."""

    platform: str
    workload: str
    deployment: int
    concurrency: int
    state: State
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Unmeasured:
    """Cells of one platform and workload that were not measured for the same reason."""

    platform: str
    workload: str
    state: State
    cells: tuple[str, ...]
    job: str
    message: str
    remedy: str
    log: str


def cell_outcomes(
    plan: Plan, cells: Sequence[Cell], failures: Sequence[Failure]
) -> tuple[CellOutcome, ...]:
    """Return the outcome of every cell of the plan, in its order."""
    measured = {str(cell.coordinates) for cell in cells}
    by_job = {failure.job: failure for failure in failures}
    platforms = {platform.name: platform for platform in plan.platforms}
    outcomes = []
    for platform, workload, deployment, concurrency in plan.cells():
        deployed = f"{platform}/{workload}/d{deployment}"
        failure = by_job.get(f"measure/{deployed}/c{concurrency}")
        if f"{deployed}/c{concurrency}" in measured:
            state, failure = State.MEASURED, None
        elif failure:
            state = State.FAILED
        else:
            jobs = _jobs_before(deployed, platforms[platform], workload)
            failed = (by_job[job] for job in jobs if job in by_job)
            state, failure = State.NOT_REACHED, next(failed, None)
        outcomes.append(
            CellOutcome(
                platform=platform,
                workload=workload,
                deployment=deployment,
                concurrency=concurrency,
                state=state,
                failure=failure,
            )
        )
    return tuple(outcomes)


def _jobs_before(deployed: str, platform: PlannedPlatform, workload: str) -> Iterator[str]:
    """Yield the jobs that a cell waits for, the nearest first."""
    yield from (f"warmup/{deployed}", f"deploy/{deployed}")
    for service in platform.services.get(workload, (workload,)):
        yield f"build_image/{platform.image_owner}/{service}"
    for name in reversed(platform.derived_root_filesystems):
        yield f"derived_root_filesystem/{name}"
    yield "root_filesystem"


def unmeasured(outcomes: Sequence[CellOutcome]) -> tuple[Unmeasured, ...]:
    """Group the cells that were not measured by platform, workload and reason."""
    groups: dict[tuple[str, ...], list[CellOutcome]] = {}
    for outcome in outcomes:
        if outcome.state is not State.MEASURED:
            failure = outcome.failure
            why = (failure.message, failure.remedy) if failure else (NOT_STARTED, "")
            key = (outcome.platform, outcome.workload, outcome.state.value, *why)
            groups.setdefault(key, []).append(outcome)
    return tuple(_unmeasured(group) for group in groups.values())


def _unmeasured(group: Sequence[CellOutcome]) -> Unmeasured:
    first = group[0]
    failure = first.failure
    return Unmeasured(
        platform=first.platform,
        workload=first.workload,
        state=first.state,
        cells=tuple(f"d{cell.deployment}/c{cell.concurrency}" for cell in group),
        job=failure.job if failure else "",
        message=failure.message if failure else NOT_STARTED,
        remedy=failure.remedy if failure else "",
        log=failure.log if failure else "",
    )


def other_failures(plan: Plan | None, failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Return the failures that belong to no single cell, without those of an earlier plan."""
    if plan is None:
        return tuple(failures)
    requested = {f"{platform}/{workload}/d{n}" for platform, workload, n, _ in plan.cells()}
    return tuple(failure for failure in failures if _is_other(failure.job, requested))


def _is_other(job: str, requested: set[str]) -> bool:
    kind, _, deployed = job.partition("/")
    return kind != "measure" and (kind not in {"deploy", "warmup"} or deployed in requested)


def state_counts(outcomes: Sequence[CellOutcome]) -> Mapping[State, int]:
    """Return the number of cells in each state."""
    counts = Counter(outcome.state for outcome in outcomes)
    return {state: counts[state] for state in State}
