# SPDX-License-Identifier: Apache-2.0
"""Interim looks: after a deployment, whether a platform and workload need more deployments.

Each interim look is a file. Together with the plan, these files tell which cells a run has
requested.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import count, takewhile
from pathlib import Path

from featherbench.records.base import Count, Record, Seconds
from featherbench.records.load_point import LoadPoint
from featherbench.records.plan import Plan, StoppingRule, series_name

FOLDER = Path("results/stopping")


class InterimLookSpec(Record):
    """The spec of an interim look; the specs of its cells hold none of it."""

    platform: str
    workload: str
    deployment: int
    load_points: tuple[LoadPoint, ...]
    rule: StoppingRule
    code: str


class Reason(StrEnum):
    """Why no further deployment is measured."""

    NARROW = "narrow enough"
    MOST = "the maximum is reached"
    BUDGET = "the budget has no room for another deployment"


class SeriesPrecision(Record):
    """How precisely one main metric is known at one load point.

    `half_width` is that of the 95 % interval, as a fraction of its centre; None if there is no
    interval. `deployments` have valid windows; `windows` is the number of those.
    """

    metric: str
    deployments: Count
    windows: Count
    half_width: float | None
    narrow: bool


class LevelDecision(Record):
    """The decision on one load point: `reason` says why it stops; None if it continues.

    `deployments` is how many it has, `spent_s` the time that their cells took.
    """

    load_point: LoadPoint
    deployments: Count
    spent_s: Seconds
    series: tuple[SeriesPrecision, ...]
    reason: Reason | None


class InterimLook(Record):
    """The decisions on one platform and workload after a deployment.

    Load points that stopped earlier keep their decision. `spent_s` includes starts and warm-ups;
    `longest_s` is the time of the slowest deployment.
    """

    platform: str
    workload: str
    deployment: int
    rule: StoppingRule
    spent_s: Seconds
    longest_s: Seconds
    levels: tuple[LevelDecision, ...]

    @property
    def continuing(self) -> tuple[LoadPoint, ...]:
        """The load points that the next deployment is measured at."""
        return tuple(level.load_point for level in self.levels if level.reason is None)

    def requested(self) -> dict[LoadPoint, int]:
        """Return how many deployments are requested by now, by load point."""
        return {
            level.load_point: level.deployments + (level.reason is None) for level in self.levels
        }


def look_file(folder: Path, platform: str, workload: str, deployment: int) -> Path:
    """Return the file of the interim look after a deployment."""
    return folder / platform / workload / f"d{deployment}.json"


def latest_looks(plan: Plan, folder: Path) -> Iterator[InterimLook]:
    """Yield the latest interim look at each platform and workload that has one.

    Looks after the one at which no load point continues are of an earlier run.
    """
    for platform, workload in plan.sequential():
        assert workload.until is not None, f"the number of deployments of {workload.name} is fixed"
        numbers = count(workload.until.first_look)
        files = (look_file(folder, platform, workload.name, number) for number in numbers)
        latest = None
        for file in takewhile(Path.exists, files):
            latest = InterimLook.read(file)
            if not latest.continuing:
                break
        if latest:
            yield latest


def with_requested_cells(plan: Plan, folder: Path) -> Plan:
    """Return the plan of the cells that have been requested so far."""
    requested = {
        series_name(platform, workload.name, load_point): workload.until.first_look
        for platform, workload in plan.sequential()
        if workload.until
        for load_point in workload.load_points
    }
    for look in latest_looks(plan, folder):
        for load_point, deployments in look.requested().items():
            requested[series_name(look.platform, look.workload, load_point)] = deployments
    return plan.model_copy(update={"requested": requested})
