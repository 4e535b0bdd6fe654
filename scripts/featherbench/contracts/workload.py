# SPDX-License-Identifier: Apache-2.0
"""What a workload driver must implement.

One file per workload. Its name is its name in the configuration; its class is always called
`Workload` and derives from `Workload` below. A workload knows no other driver: it reaches the
platform and the client through the Bench that it is given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from featherbench.contracts.bench import Bench
from featherbench.contracts.settings import Configurable, SettingsT
from featherbench.records.cell import Metric, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.records.requirement import MissingRequirement

if TYPE_CHECKING:
    from featherbench.records.plan import PlannedPlatform

WithoutServer = Literal["no", "image", "pings"]
"""What a workload needs of the service `startup` in place of a server: it cannot use it, it needs
only the image, or it needs an instance that answers pings."""


class Workload(ABC, Configurable[SettingsT]):
    """What is measured of a service.

    A driver must name its services and implement two methods; everything else has a default. One
    with settings derives from `Workload[Settings]`.
    """

    services: tuple[str, ...]
    """The services whose images it needs. The workload of a service's name (`http`, `kv`,
    `startup`) describes its image."""
    uses_lease: bool = True
    """Whether it measures the deployed and warmed-up instance of its single service, which all
    cells of a deployment share. Otherwise it starts its own instances, if any."""
    sweeps: bool = False
    """Whether it is measured at several load points; otherwise at c1 only."""
    without_server: WithoutServer = "no"
    """Whether it can use the service `startup` if a platform has no image of its services."""
    in_image: tuple[str, ...] = ()
    """The settings that `files` depends on: changing others does not rebuild the image."""
    loads: tuple[str, ...] = ()
    """The services that it loads, each with a load generator."""
    offers_rates: bool = False
    """Whether its load generators must be able to offer a rate."""

    def services_for(self, settings: SettingsT) -> tuple[str, ...]:
        """Return those of its services whose images it needs with these settings."""
        return self.services

    @abstractmethod
    def metrics(self, settings: SettingsT) -> tuple[Metric, ...]:
        """Return every metric, main and secondary, that its windows can have."""

    def files(self, settings: SettingsT) -> Mapping[str, bytes]:
        """Return the files that its image has in addition to the packages: path → content."""
        return {}

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what this machine lacks to measure it, besides load generators."""
        return ()

    def verify(self, bench: Bench[SettingsT]) -> str:
        """Check that the right thing is served; return what was. Raise VerificationError."""
        return "nothing was checked"

    def warm_up(self, bench: Bench[SettingsT]) -> Mapping[str, object]:
        """Load the new instance until it is warm; return what load that was."""
        return {}

    @abstractmethod
    def measure(self, bench: Bench[SettingsT], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Return `windows` windows of `load`; `measuring/window.py` builds them."""

    def nominal_duration_s(
        self, settings: SettingsT, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return about how long a cell takes, to estimate the time left before any is done."""
        return windows * platform.slowdown
