# SPDX-License-Identifier: Apache-2.0
"""What was decided, after a deployment, on whether a platform needs more of them; and where it is.

Each look at a platform and a workload is a file; together with the plan they tell which cells a
run has asked for.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.records.base import Count, Record, Seconds
from featherbench.records.plan import Plan, PlannedWorkload, StoppingRule, series_name

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path("results/stopping")


class LookSpec(Record):
    """What the job that looks is told; its cells' own specs hold none of it."""

    platform: str
    workload: str
    deployment: int
    levels: tuple[int, ...]
    rule: StoppingRule
    code: str


class Reason(StrEnum):
    """Why no further deployment is measured."""

    NARROW = "narrow enough"
    MOST = "the maximum is reached"
    BUDGET = "the budget has no room for another deployment"


class Series(Record):
    """One main metric at one level, as the look found it.

    `half_width` is that of the 95 % interval, as a fraction of its centre; None where there is no
    interval. `deployments` have valid windows, of which there are `windows`.
    """

    metric: str
    deployments: Count
    windows: Count
    half_width: float | None
    narrow: bool


class LookedAt(Record):
    """One level: its cells so far, the time that they took, and why there is none more, if so."""

    concurrency: int
    deployments: Count
    spent_s: Seconds
    series: tuple[Series, ...]
    reason: Reason | None


class Look(Record):
    """One platform and workload after a deployment; levels that stopped before are as they were.

    `spent_s` holds starts and warm-ups besides the cells; `longest_s` is of one deployment.
    """

    platform: str
    workload: str
    deployment: int
    rule: StoppingRule
    spent_s: Seconds
    longest_s: Seconds
    levels: tuple[LookedAt, ...]

    @property
    def going_on(self) -> tuple[int, ...]:
        """The levels that the next deployment is measured at."""
        return tuple(level.concurrency for level in self.levels if level.reason is None)

    def asked(self) -> dict[int, int]:
        """How many deployments are asked for by now, by level."""
        return {one.concurrency: one.deployments + (one.reason is None) for one in self.levels}


def look_file(folder: Path, platform: str, workload: str, deployment: int) -> Path:
    """Say where the look after a deployment is written."""
    return folder / platform / workload / f"d{deployment}.json"


def looks(folder: Path, platform: str, workload: PlannedWorkload) -> Iterator[Look]:
    """Read what has been decided so far, the latest last."""
    assert workload.until is not None, f"the number of deployments of {workload.name} is fixed"
    for deployment in count(workload.until.first_look):
        file = look_file(folder, platform, workload.name, deployment)
        if not file.exists():
            return
        look = Look.read(file)
        yield look
        if not look.going_on:
            return


def last_looks(plan: Plan, folder: Path) -> Iterator[Look]:
    """Give the latest look at each platform and workload that has been looked at."""
    for platform, workload in plan.until_enough():
        yield from list(looks(folder, platform, workload))[-1:]


def with_asked(plan: Plan, folder: Path) -> Plan:
    """Give the plan of the cells that have been asked for so far."""
    asked = {
        series_name(platform, workload.name, level): workload.until.first_look
        for platform, workload in plan.until_enough()
        if workload.until
        for level in workload.levels
    }
    for look in last_looks(plan, folder):
        for level, deployments in look.asked().items():
            asked[series_name(look.platform, look.workload, level)] = deployments
    return plan.model_copy(update={"asked": asked})
