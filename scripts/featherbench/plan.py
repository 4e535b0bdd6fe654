# SPDX-License-Identifier: Apache-2.0
"""What was asked for: written beside the results, and read by everything downstream of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlannedLack(Record):
    """Why this host cannot run a platform, and the remedy."""

    what: str
    remedy: str


class PlannedPlatform(Record):
    """A platform of the configuration, whether or not this host can run it.

    `root_variants` are the root file systems made over the base that its images wait for, the
    lowest first. Instances of one with `fixed_memory` are given an amount once and for all.
    """

    name: str
    technology: str
    host: str
    network: str
    image_owner: str
    root_variants: tuple[str, ...] = ()
    virtualized: bool
    emulated: bool = False
    fixed_memory: bool = False
    lacks: tuple[PlannedLack, ...]

    @property
    def available(self) -> bool:
        """Whether this host can run it."""
        return not self.lacks


class PlannedWorkload(Record):
    """A workload of the configuration, with its levels and replication."""

    name: str
    levels: tuple[int, ...]
    deployments: int
    windows: int
    settings: dict[str, Any]


class Plan(Record):
    """The matrix of one run. Its cells are available platforms x workloads x deployments x levels.

    `config` is the whole configuration with every default filled in. A ratio within `margin` of 1
    counts as no difference; `precision` is how far an interval should reach to either side of it.
    """

    config_file: str
    config: dict[str, Any]
    baseline: str
    seed: int
    platforms: tuple[PlannedPlatform, ...]
    workloads: tuple[PlannedWorkload, ...]
    margin: float = 0.05
    precision: float = 0.02

    def cells(self) -> Iterator[tuple[str, str, int, int]]:
        """Give platform, workload, deployment and concurrency of every cell."""
        for platform in self.platforms:
            if platform.available:
                for workload in self.workloads:
                    for deployment in range(1, workload.deployments + 1):
                        for level in workload.levels:
                            yield platform.name, workload.name, deployment, level
