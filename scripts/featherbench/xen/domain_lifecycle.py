# SPDX-License-Identifier: Apache-2.0
"""What a domain has besides itself: folders on both machines, and block devices in dom0.

The folder here says whose the domain is and where its dom0, and goes last: a domain of a broken run
is found by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import ValidationError

from featherbench.errors import CommandError, InstanceError
from featherbench.files import write_atomic
from featherbench.ownership import Leftover
from featherbench.paths import resource
from featherbench.vm import instance_dir
from featherbench.xen.settings import Dom0Settings
from featherbench.xen.xl import Domains
from featherbench.xen.xl_config import Disk, name_of, xl_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.system.machine import Machine
    from featherbench.xen.xl_config import Domain

SCRIPTS = resource("xen")
IN_DOM0 = Path("/var/lib/featherbench/domains")
NOTHING_NOTED: Mapping[str, str] = MappingProxyType({})
SETTINGS = "dom0.json"
CONFIG, SEED = "domain.cfg", "seed.img"
STEP_WITHIN_S = 60.0
SCRIPT_WITHIN_S = 180.0
KIND = "domain"


@dataclass(frozen=True, kw_only=True)
class Drive:
    """A file of dom0's that a domain is to have as a disk."""

    file: Path
    name: str
    readonly: bool


@dataclass(frozen=True, kw_only=True)
class Guests:
    """The domains of ours under a dom0, as the host called `host`."""

    hypervisor: str
    settings: Dom0Settings

    @property
    def dom0(self) -> Machine:
        """Where they are."""
        return self.settings.machine

    @property
    def domains(self) -> Domains:
        """What xl does for them."""
        return Domains(dom0=self.dom0)

    def begin(self, instance_id: str, *, state: str) -> Path:
        """Make both folders of a domain to come; give the one in dom0."""
        here = instance_dir.make(instance_id, state=state, hypervisor=self.hypervisor)
        write_atomic(here.path / SETTINGS, self.settings.model_dump_json())
        there = IN_DOM0 / instance_id
        self.dom0.run(["mkdir", "-p", "-m", "700", str(there)], timeout_s=STEP_WITHIN_S)
        return there

    def write(self, instance_id: str, name: str, text: str) -> Path:
        """Write a file to the folder in dom0."""
        file = IN_DOM0 / instance_id / name
        self.dom0.run(["tee", "--", str(file)], timeout_s=STEP_WITHIN_S, stdin=text)
        return file

    def _script(self, script: str, instance_id: str, *words: str) -> str:
        """Have a shell in dom0 read one of our scripts."""
        argv = ["sh", "-s", "--", str(IN_DOM0 / instance_id), name_of(instance_id), *words]
        text = (SCRIPTS / f"{script}.sh").read_text()
        return self.dom0.run(argv, timeout_s=SCRIPT_WITHIN_S, stdin=text).stdout

    def attach(self, instance_id: str, drives: Sequence[Drive]) -> tuple[Disk, ...]:
        """Make block devices of files; what is written is forgotten. Raises InstanceError."""
        words = [w for each in drives for w in (str(each.file), "ro" if each.readonly else "rw")]
        try:
            devices = self._script("attach", instance_id, *words).split()
        except CommandError as failure:
            raise InstanceError(
                f"{self.dom0.description} makes no disks of the image: {failure.message}",
                remedy="in dom0: apt-get install dmsetup; modprobe loop dm-snapshot xen-blkback",
            ) from failure
        return tuple(
            Disk(device=device, name=each.name, readonly=each.readonly)
            for each, device in zip(drives, devices, strict=True)
        )

    def create(
        self, domain: Domain, console: Path, noted: Mapping[str, str] = NOTHING_NOTED
    ) -> None:
        """Make a domain that was begun, and record what it says; see `Domains.create`."""
        config = self.write(domain.instance_id, CONFIG, xl_config(domain))
        console.parent.mkdir(parents=True, exist_ok=True)
        console.touch()
        self.domains.create(domain.instance_id, config, noted)
        self.domains.record_console(domain.instance_id, console)

    def end(self, instance_id: str) -> None:
        """End a domain, and remove what was made for it; no error when it is gone already."""
        if not instance_dir.of(instance_id).path.exists():
            return
        try:
            self._script("detach", instance_id)
        except CommandError as failure:
            raise InstanceError(
                f"the domain {name_of(instance_id)} cannot be removed: {failure.message}",
                remedy=f"see `xl list`, `dmsetup ls`, `losetup --list` in {self.dom0.description}",
            ) from failure
        instance_dir.remove(instance_id)

    def end_others(self, state: str) -> None:
        """End the domains of this testbed under this dom0, of which there should be none.

        One that could not be ended while dom0 was silent would answer in place of the next, which
        has the same address. Raises InstanceError.
        """
        for each in list(self.leftovers()):
            instance_id = each.handle["instance_id"]
            where = _noted(instance_id) if each.state == state else None
            if where is not None and where.dom0 == self.settings.dom0:
                self.end(instance_id)

    def leftovers(self) -> Iterator[Leftover]:
        """Find domains by their folders here."""
        for each in instance_dir.own_folders():
            state, hypervisor = instance_dir.owner_of(each)
            if hypervisor == self.hypervisor:
                handle = {"instance_id": each.instance_id}
                yield Leftover(kind=KIND, name=each.instance_id, handle=handle, state=state)


def _noted(instance_id: str) -> Dom0Settings | None:
    """Say where the dom0 of a domain is; None where a killed run had not asked it for anything.

    Raises InstanceError when that cannot be read.
    """
    noted = instance_dir.of(instance_id).path / SETTINGS
    if not noted.exists():
        return None
    try:
        return Dom0Settings.model_validate_json(noted.read_bytes())
    except ValidationError as unreadable:
        raise InstanceError(
            f"{noted}, which says where the domain {name_of(instance_id)} is, cannot be read",
            remedy=f"destroy the domain by hand, and remove {noted.parent}",
        ) from unreadable


def remove(hypervisor: str, leftover: Leftover) -> None:
    """End a domain of a broken run, wherever its dom0 is."""
    instance_id = leftover.handle["instance_id"]
    settings = _noted(instance_id)
    if settings is None:
        instance_dir.remove(instance_id)
    else:
        Guests(hypervisor=hypervisor, settings=settings).end(instance_id)
