# SPDX-License-Identifier: Apache-2.0
"""What this host could run: every platform and load generator that has a driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench import registry
from featherbench.records.base import Record
from featherbench.records.requirement import MissingRequirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.technology import Technology
    from featherbench.records.plan import Plan

NO_IMAGE = MissingRequirement(
    what="there is no image of it",
    remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
)


class Candidate(Record):
    """A platform or a load generator, and what this host lacks to run it."""

    name: str
    missing_requirements: tuple[MissingRequirement, ...]

    @property
    def available(self) -> bool:
        """Whether this host can run it."""
        return not self.missing_requirements


def _candidate(name: str, *missing_requirements: MissingRequirement) -> Candidate:
    planned = tuple(
        MissingRequirement(what=lack.what, remedy=lack.remedy) for lack in missing_requirements
    )
    return Candidate(name=name, missing_requirements=planned)


def platforms(folders: Sequence[str] = (), plan: Plan | None = None) -> tuple[Candidate, ...]:
    """Give every technology on every host that can run it, and what `plan` asks for."""
    hypervisors = plan.config.get("hypervisors", {}) if plan else {}
    found = {candidate.name: candidate for candidate in _driven(folders, hypervisors)}
    for planned in plan.platforms if plan else ():
        name = f"{planned.technology}-{planned.hypervisor}"
        found[name] = Candidate(name=name, missing_requirements=planned.missing_requirements)
    return tuple(found.values())


def _driven(folders: Sequence[str], hypervisor_settings: Mapping[str, Any]) -> Iterator[Candidate]:
    hypervisors = sorted(registry.driver_files("hypervisors", folders))
    for name in sorted(registry.driver_files("technologies", folders)):
        for hypervisor in hypervisors:
            if platform := registry.platform(
                name, hypervisor, folders, hypervisor_settings.get(hypervisor, {})
            ):
                missing_requirements = [*platform.missing_requirements()] or list(
                    _lacking_images(platform)
                )
                yield _candidate(f"{name}-{hypervisor}", *missing_requirements)


def _lacking_images(platform: Technology) -> Iterator[MissingRequirement]:
    """Say what is missing where no image is there yet, because it is for the user to bring."""
    images = platform.available_images(platform.Settings())
    if images is not None and all(images.values()):
        yield from next(iter(images.values()), [NO_IMAGE])[:1]


def load_generators(folders: Sequence[str] = ()) -> tuple[Candidate, ...]:
    """Give every load generator."""
    return tuple(
        _candidate(name, *registry.load("loadgens", name, folders).missing_requirements())
        for name in sorted(registry.driver_files("loadgens", folders))
    )
