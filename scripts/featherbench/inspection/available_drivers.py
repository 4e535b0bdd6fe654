# SPDX-License-Identifier: Apache-2.0
"""What this machine can run: every platform and load generator that has a driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench import registry
from featherbench.records.base import Record
from featherbench.records.requirement import MissingRequirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from featherbench.contracts.technology import Technology
    from featherbench.records.plan import Plan

NO_IMAGE = MissingRequirement(
    what="there is no image of it",
    remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
)


class DriverAvailability(Record):
    """A platform or a load generator, and what this machine lacks to run it."""

    name: str
    missing_requirements: tuple[MissingRequirement, ...]

    @property
    def available(self) -> bool:
        """Whether this machine can run it."""
        return not self.missing_requirements


def _availability(name: str, missing: Iterable[MissingRequirement]) -> DriverAvailability:
    return DriverAvailability(name=name, missing_requirements=tuple(missing))


def platforms(
    folders: Sequence[str] = (), plan: Plan | None = None
) -> tuple[DriverAvailability, ...]:
    """Return every technology on every hypervisor that can run it, and the platforms of `plan`."""
    hypervisors = plan.config.get("hypervisors", {}) if plan else {}
    drivers = {driver.name: driver for driver in _drivers(folders, hypervisors)}
    for planned in plan.platforms if plan else ():
        name = f"{planned.technology}-{planned.hypervisor}"
        drivers[name] = _availability(name, planned.missing_requirements)
    return tuple(drivers.values())


def _drivers(
    folders: Sequence[str], hypervisor_settings: Mapping[str, Any]
) -> Iterator[DriverAvailability]:
    for technology in sorted(registry.driver_files("technologies", folders)):
        for hypervisor in sorted(registry.driver_files("hypervisors", folders)):
            settings = hypervisor_settings.get(hypervisor, {})
            if platform := registry.platform(technology, hypervisor, folders, settings):
                missing = platform.missing_requirements() or _missing_images(platform)
                yield _availability(f"{technology}-{hypervisor}", missing)


def _missing_images(platform: Technology) -> Sequence[MissingRequirement]:
    """Return why no image is available, if the user must bring them and none is."""
    images = platform.available_images(platform.Settings())
    if images is None or not all(images.values()):
        return ()
    return next(iter(images.values()), [NO_IMAGE])[:1]


def load_generators(folders: Sequence[str] = ()) -> tuple[DriverAvailability, ...]:
    """Return every load generator."""
    return tuple(
        _availability(name, registry.load("loadgens", name, folders).missing_requirements())
        for name in sorted(registry.driver_files("loadgens", folders))
    )
