# SPDX-License-Identifier: Apache-2.0
"""What was requested: written beside the results, and read by everything downstream of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import Field

from featherbench.records.base import Record
from featherbench.records.cell import Metric
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.requirement import MissingRequirement

GUEST_FACTOR, EMULATED_FACTOR = 3.0, 15.0


class PlannedPlatform(Record):
    """A platform of the configuration, whether or not this machine can run it.

    `derived_root_filesystems` are those that its images need, the lowest first. Instances of a
    platform with `fixed_memory` get an amount of memory when they start. `unsupported_workloads`
    says, by workload, why that workload alone cannot run. `services` has, by workload, the services
    that it is measured with.
    """

    name: str
    technology: str
    hypervisor: str
    network: str
    image_owner: str
    derived_root_filesystems: tuple[str, ...] = ()
    virtualized: bool
    emulated: bool = False
    fixed_memory: bool = False
    missing_requirements: tuple[MissingRequirement, ...]
    unsupported_workloads: dict[str, MissingRequirement] = Field(default_factory=dict)
    services: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def slowdown(self) -> float:
        """About how many times as long as natively a cell takes; a guest boots first."""
        return EMULATED_FACTOR if self.emulated else GUEST_FACTOR if self.virtualized else 1.0

    @property
    def available(self) -> bool:
        """Whether this machine can run it."""
        return not self.missing_requirements

    def runs(self, workload: str) -> bool:
        """Return whether this machine can run that workload on it."""
        return self.available and workload not in self.unsupported_workloads


class StoppingRule(Record):
    """When a platform has enough deployments; see `statistics/design/sequential.py`.

    `precision` is the half-width of the interval at which to stop, as a fraction of the mean. It is
    checked from `least` deployments on. There are never more than `most`, and none is started that
    would not end within `budget_s`.
    """

    precision: float
    least: int
    most: int
    budget_s: float | None

    @property
    def first_look(self) -> int:
        """The deployment after which the first interim look is taken."""
        return self.least if self.budget_s is None else 1


class PlannedWorkload(Record):
    """A workload of the configuration, with its load points and replication.

    With `until`, that rule decides how many deployments are measured; `deployments` is the most.
    """

    name: str
    load_points: tuple[LoadPoint, ...]
    deployments: int
    windows: int
    settings: dict[str, Any]
    until: StoppingRule | None = None

    @property
    def rates_of_baseline(self) -> bool:
        """Whether it is offered rates in percent of what the baseline reaches."""
        return any(point.axis is Axis.PERCENT for point in self.load_points)


class CellName(NamedTuple):
    """What distinguishes a cell from the others of a plan."""

    platform: str
    workload: str
    deployment: int
    load_point: LoadPoint

    def __str__(self) -> str:
        return f"{self.platform}/{self.workload}/d{self.deployment}/{self.load_point}"


class Plan(Record):
    """The matrix of one run: available platforms x workloads x deployments x load points.

    `config` is the whole configuration with every default filled in. A ratio within `margin` of 1
    counts as no difference; `precision` is how far an interval should reach to either side of it.
    `requested` is the number of deployments requested so far where a StoppingRule decides, by
    `series_name`.
    """

    config_file: str
    config: dict[str, Any]
    baseline: str
    seed: int
    platforms: tuple[PlannedPlatform, ...]
    workloads: tuple[PlannedWorkload, ...]
    metrics: tuple[Metric, ...] = ()
    margin: float = 0.05
    precision: float = 0.02
    requested: dict[str, int] = Field(default_factory=dict)

    def metric(self, name: str) -> Metric | None:
        """Return the metric of that name; None if no workload declares it."""
        declared = (metric.named(name) for metric in self.metrics)
        return next(filter(None, declared), None)

    def cells(self) -> Iterator[CellName]:
        """Yield every cell."""
        for platform in self.platforms:
            for workload in self.workloads:
                if platform.runs(workload.name):
                    yield from self._cells_of(platform.name, workload)

    def _cells_of(self, platform: str, workload: PlannedWorkload) -> Iterator[CellName]:
        for deployment in range(1, workload.deployments + 1):
            for load_point in workload.load_points:
                name = series_name(platform, workload.name, load_point)
                if deployment <= self.requested.get(name, deployment):
                    yield CellName(platform, workload.name, deployment, load_point)

    def fixed(self) -> Plan:
        """Return the plan of the workloads whose number of deployments is fixed."""
        workloads = tuple(workload for workload in self.workloads if workload.until is None)
        return self.model_copy(update={"workloads": workloads})

    def sequential(self) -> Iterator[tuple[str, PlannedWorkload]]:
        """Yield platform and workload where a StoppingRule decides."""
        for platform in self.platforms:
            for workload in self.workloads:
                if platform.runs(workload.name) and workload.until:
                    yield platform.name, workload


def series_name(platform: str, workload: str, load_point: LoadPoint) -> str:
    """Return the name of the cells that differ only by their deployment."""
    return f"{platform}/{workload}/{load_point}"
