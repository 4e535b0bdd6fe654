# SPDX-License-Identifier: Apache-2.0
"""What this host could run: every platform and load generator that has a driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench import plugins
from featherbench.plan import PlannedLack
from featherbench.platforms.contract import Lack, OwnImages
from featherbench.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.plan import Plan
    from featherbench.platforms.contract import Technology

NO_IMAGE = Lack(
    what="there is no image of it",
    remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
)


class Candidate(Record):
    """A platform or a load generator, and what this host lacks to run it."""

    name: str
    lacks: tuple[PlannedLack, ...]

    @property
    def available(self) -> bool:
        """Whether this host can run it."""
        return not self.lacks


def _candidate(name: str, *lacks: Lack) -> Candidate:
    planned = tuple(PlannedLack(what=lack.what, remedy=lack.remedy) for lack in lacks)
    return Candidate(name=name, lacks=planned)


def platforms(folders: Sequence[str] = (), plan: Plan | None = None) -> tuple[Candidate, ...]:
    """Give every technology on every host that can run it, and what `plan` asks for."""
    hosts = plan.config.get("hosts", {}) if plan else {}
    found = {candidate.name: candidate for candidate in _driven(folders, hosts)}
    for planned in plan.platforms if plan else ():
        name = f"{planned.technology}-{planned.host}"
        found[name] = Candidate(name=name, lacks=planned.lacks)
    return tuple(found.values())


def _driven(folders: Sequence[str], set_of_hosts: Mapping[str, Any]) -> Iterator[Candidate]:
    hosts = sorted(plugins.driver_files("hosts", folders))
    for name in sorted(plugins.driver_files("platforms", folders)):
        for host in hosts:
            if platform := plugins.platform(name, host, folders, set_of_hosts.get(host, {})):
                lacks = [*platform.lacks()] or list(_lacking_images(platform))
                yield _candidate(f"{name}-{host}", *lacks)


def _lacking_images(platform: Technology) -> Iterator[Lack]:
    """Say what is missing where no image is there yet, because it is for the user to bring."""
    if isinstance(platform, OwnImages):
        offered = platform.offered(platform.Settings()).values()
        if all(offered):
            yield from next(iter(offered), [NO_IMAGE])[:1]


def load_generators(folders: Sequence[str] = ()) -> tuple[Candidate, ...]:
    """Give every load generator."""
    return tuple(
        _candidate(name, *plugins.load_generator(name, folders).lacks())
        for name in sorted(plugins.driver_files("loadgens", folders))
    )
