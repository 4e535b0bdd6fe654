# SPDX-License-Identifier: Apache-2.0
"""What was asked for: written beside the results, and read by everything downstream of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from featherbench.records.base import Record
from featherbench.records.metric import Metric  # noqa: TC001 - pydantic needs it at run time
from featherbench.records.requirement import MissingRequirement  # noqa: TC001 - pydantic needs it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlannedPlatform(Record):
    """A platform of the configuration, whether or not this host can run it.

    `derived_root_filesystems` are those that its images need, from the base up.
    Instances of one with `fixed_memory` are given an amount once and for all.
    `without` tells, by workload, why that one alone cannot be run. `apps` names, by workload, those
    that it is measured with, where they are not all of the workload's.
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
    def available(self) -> bool:
        """Whether this host can run it."""
        return not self.missing_requirements

    def runs(self, workload: str) -> bool:
        """Whether this host can run that workload on it."""
        return self.available and workload not in self.unsupported_workloads


class StoppingRule(Record):
    """When enough deployments of a platform are measured; see `statistics/design/sequential.py`.

    `precision` is how far the interval may reach to either side, as a fraction of the mean. It is
    looked at from `least` deployments on; there are never more than `most`, and none is begun that
    would not end within `budget_s`.
    """

    precision: float
    least: int
    most: int
    budget_s: float | None

    @property
    def first_look(self) -> int:
        """The deployment after which it is first asked whether to go on."""
        return self.least if self.budget_s is None else 1


class PlannedWorkload(Record):
    """A workload of the configuration, with its levels and replication.

    Where `until` is given, it decides how many deployments are measured; `deployments` is the most.
    """

    name: str
    levels: tuple[int, ...]
    deployments: int
    windows: int
    settings: dict[str, Any]
    until: StoppingRule | None = None


class Plan(Record):
    """The matrix of one run. Its cells are available platforms x workloads x deployments x levels.

    `config` is the whole configuration with every default filled in. A ratio within `margin` of 1
    counts as no difference; `precision` is how far an interval should reach to either side of it.
    `asked` is how many deployments were asked for where a StoppingRule decides, by `series_name`.
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
    asked: dict[str, int] = Field(default_factory=dict)

    def metric(self, name: str) -> Metric | None:
        """Return the metric of that name; None if no workload declares it."""
        declared = (metric.named(name) for metric in self.metrics)
        return next(filter(None, declared), None)

    def cells(self) -> Iterator[tuple[str, str, int, int]]:
        """Give platform, workload, deployment and concurrency of every cell."""
        for platform in self.platforms:
            for workload in self.workloads:
                if platform.runs(workload.name):
                    yield from self._cells_of(platform.name, workload)

    def _cells_of(
        self, platform: str, workload: PlannedWorkload
    ) -> Iterator[tuple[str, str, int, int]]:
        for deployment in range(1, workload.deployments + 1):
            for level in workload.levels:
                name = series_name(platform, workload.name, level)
                if deployment <= self.asked.get(name, deployment):
                    yield platform, workload.name, deployment, level

    def fixed(self) -> Plan:
        """Give the plan of the workloads whose number of deployments is fixed."""
        workloads = tuple(one for one in self.workloads if one.until is None)
        return self.model_copy(update={"workloads": workloads})

    def until_enough(self) -> Iterator[tuple[str, PlannedWorkload]]:
        """Give platform and workload wherever a StoppingRule decides."""
        for platform in self.platforms:
            for workload in self.workloads:
                if platform.runs(workload.name) and workload.until:
                    yield platform.name, workload


def series_name(platform: str, workload: str, level: int) -> str:
    """Name the cells that differ by their deployment alone."""
    return f"{platform}/{workload}/c{level}"
