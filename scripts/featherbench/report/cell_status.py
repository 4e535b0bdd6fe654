# SPDX-License-Identifier: Apache-2.0
"""What became of every cell that was asked for, and why some were not measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from featherbench import registry
from featherbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.records.cell import Cell, Failure
    from featherbench.records.plan import Plan, PlannedPlatform

NEVER_BEGAN = "the run ended before its turn; run it again, and it goes on from here"


class State(StrEnum):
    """What became of a cell."""

    MEASURED = "measured"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One cell that was asked for. `failure` is its own, or that of the job it waits for."""

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


def outcomes(plan: Plan, cells: Sequence[Cell], failures: Sequence[Failure]) -> tuple[Outcome, ...]:
    """Give the outcome of every cell of the plan, in its order."""
    measured = {str(cell.coordinates) for cell in cells}
    by_job = {failure.job: failure for failure in failures}
    platforms = {platform.name: platform for platform in plan.platforms}
    found = []
    for platform, workload, deployment, concurrency in plan.cells():
        deployed = f"{platform}/{workload}/d{deployment}"
        own = by_job.get(f"measure/{deployed}/c{concurrency}")
        if f"{deployed}/c{concurrency}" in measured:
            state, failure = State.MEASURED, None
        elif own:
            state, failure = State.FAILED, own
        else:
            waited_for = _jobs_before(
                deployed, platforms[platform], _services(plan, platforms[platform], workload)
            )
            failed = (by_job[job] for job in waited_for if job in by_job)
            state, failure = State.NOT_REACHED, next(failed, None)
        found.append(
            Outcome(
                platform=platform,
                workload=workload,
                deployment=deployment,
                concurrency=concurrency,
                state=state,
                failure=failure,
            )
        )
    return tuple(found)


def _jobs_before(
    deployed: str, platform: PlannedPlatform, services: Sequence[str]
) -> Iterator[str]:
    """Name the jobs that a cell waits for, the nearest first."""
    yield from (f"warmup/{deployed}", f"deploy/{deployed}")
    yield from (f"build_image/{platform.image_owner}/{service}" for service in services)
    yield from (
        f"derived_root_filesystem/{name}" for name in reversed(platform.derived_root_filesystems)
    )
    yield "root_filesystem"


def _services(plan: Plan, platform: PlannedPlatform, workload: str) -> Sequence[str]:
    if workload in platform.services:
        return platform.services[workload]
    try:
        return registry.load("workloads", workload, tuple(plan.config.get("plugins", ()))).services
    except (ConfigError, OSError):  # a plugin may have moved since the run
        return (workload,)


def unmeasured(found: Sequence[Outcome]) -> tuple[Unmeasured, ...]:
    """Group the cells that were not measured by platform, workload and reason."""
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in found:
        if outcome.state is not State.MEASURED:
            failure = outcome.failure
            why = (failure.message, failure.remedy) if failure else (NEVER_BEGAN, "")
            key = (outcome.platform, outcome.workload, outcome.state.value, *why)
            groups.setdefault(key, []).append(outcome)
    return tuple(_unmeasured(group) for group in groups.values())


def _unmeasured(group: Sequence[Outcome]) -> Unmeasured:
    first = group[0]
    failure = first.failure
    return Unmeasured(
        platform=first.platform,
        workload=first.workload,
        state=first.state,
        cells=tuple(f"d{cell.deployment}/c{cell.concurrency}" for cell in group),
        job=failure.job if failure else "",
        message=failure.message if failure else NEVER_BEGAN,
        remedy=failure.remedy if failure else "",
        log=failure.log if failure else "",
    )


def other_failures(plan: Plan | None, failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Give the failures that belong to no single cell, without those of an earlier plan."""
    asked = {f"{platform}/{workload}/d{n}" for platform, workload, n, _ in plan.cells()} if plan \
        else None  # fmt: skip
    return tuple(failure for failure in failures if _is_other(failure.job, asked))


def _is_other(job: str, asked: set[str] | None) -> bool:
    kind, _, rest = job.partition("/")
    if asked is None:
        return True
    return kind != "measure" and (kind not in {"deploy", "warmup"} or rest in asked)


def state_counts(found: Sequence[Outcome]) -> Mapping[State, int]:
    """Count the cells in each state."""
    counts = Counter(outcome.state for outcome in found)
    return {state: counts[state] for state in State}
