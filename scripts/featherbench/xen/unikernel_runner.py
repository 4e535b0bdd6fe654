# SPDX-License-Identifier: Apache-2.0
"""Unikernels that are domains of Xen's: the backend `xl`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import DeadlineError, FeatherbenchError
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints
from featherbench.unikernels.image_description import XEN_DISKS
from featherbench.unikernels.vm_process import POWER_DOWN_WITHIN_S, said_by
from featherbench.vm.boot import boot_report
from featherbench.vm.network import bridge
from featherbench.xen import domain_lifecycle, image_cache
from featherbench.xen import requirements as of_xen
from featherbench.xen.domain_lifecycle import Drive, Guests
from featherbench.xen.hypervisor import facts_of, prepare_bridge
from featherbench.xen.xl import ALIVE
from featherbench.xen.xl_config import Domain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.instance import Instance
    from featherbench.records.requirement import MissingRequirement
    from featherbench.unikernels.guest_spec import Guest
    from featherbench.unikernels.image_description import Backend, Description
    from featherbench.vm.libvirt.domain_xml import Accelerator
    from featherbench.xen.settings import Dom0Settings
    from featherbench.xen.xl_config import Disk

DISKS = tuple(f"xvd{letter}" for letter in "abcdefgh"[:XEN_DISKS])


def _noted(guest: Guest) -> dict[str, str]:
    """Give what a guest looks for in xenstore."""
    key = guest.description.xenstore_key
    return {key: guest.arguments} if key else {}


@dataclass(frozen=True, kw_only=True)
class XlDomains:
    """See `contracts/unikernel_runner.py`."""

    hypervisor: str
    emulated: bool
    settings: Dom0Settings
    accelerator: Accelerator | None = None
    vhost: bool = False
    backends: tuple[Backend, ...] = ("xl",)

    @property
    def name(self) -> str:
        """As the host is called."""
        return self.hypervisor

    @property
    def _guests(self) -> Guests:
        return Guests(hypervisor=self.hypervisor, settings=self.settings)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what Xen lacks."""
        return [*of_xen.of(self.settings, emulated=self.emulated)]

    def missing_requirements_for(self, backend: Backend) -> Iterator[MissingRequirement]:
        """Name nothing more: there is one backend."""
        yield from ()

    def prepare(
        self, guest_subnet: str, files: Sequence[Path], *, state: str, callback_address: str
    ) -> None:
        """Make the bridge, lay the way to dom0, and bring the files there."""
        prepare_bridge(self.settings, guest_subnet, state=state, callback_address=callback_address)
        self._guests.end_others(state)
        image_cache.bring(self._guests.dom0, files)

    def start(self, guest: Guest, *, state: str, cpus: Sequence[int]) -> dict[str, float]:
        """Have xl create it."""
        began_s = time.monotonic()
        try:
            disks = self._disks(guest, state)
            made_s = time.monotonic()
            domain = self._domain(guest, disks, state)
            self._guests.create(domain, guest.console, _noted(guest))
        except BaseException:
            self.end(guest.instance_id)
            raise
        return {"disks": made_s - began_s, "domain": time.monotonic() - made_s}

    def _disks(self, guest: Guest, state: str) -> tuple[Disk, ...]:
        ours = self._guests
        ours.begin(guest.instance_id, state=state)
        drives = [
            Drive(
                file=image_cache.place_in(ours.dom0, disk.path),
                name=name,
                readonly=disk.readonly,
            )
            for disk, name in zip(guest.description.disks, DISKS, strict=False)
            if disk.path
        ]
        return ours.attach(guest.instance_id, drives) if drives else ()

    def _domain(self, guest: Guest, disks: tuple[Disk, ...], state: str) -> Domain:
        assert guest.kernel is not None, "its description has seen to that"
        return Domain(
            instance_id=guest.instance_id,
            mode=guest.description.xen_mode,
            kernel=image_cache.place_in(self._guests.dom0, guest.kernel),
            ramdisk=None,
            cmdline="" if guest.description.xenstore_key else guest.arguments,
            memory_mib=guest.memory_mib,
            vcpus=guest.description.vcpus,
            cpus=self.settings.cpus,
            disks=disks,
            bridge=self.settings.bridge or bridge.of(state),
            mac=guest.mac,
        )

    def number_of(self, instance_id: str) -> int | None:
        """Give the domain's; None when it is gone, or ended and kept."""
        found = self._guests.domains.listed(instance_id)
        return found.number if found and found.state in ALIVE else None

    def ended_with(self, number: int) -> int | None:
        """Say nothing: a domain has no exit status."""
        return None

    def responds(self, guest_name: str, backend: Backend) -> bool:
        """Say yes of one that has not ended: Xen ends those that fail."""
        return True

    def diagnosis(self, instance: Instance, wanted: Description, answers: Callable[[], str]) -> str:
        """Ask xl, and read the console."""
        log = Path(instance.handle["console"])
        try:
            found = self._guests.domains.listed(instance.id)
        except FeatherbenchError as unknown:
            return f"{unknown.message}; its console said last:\n{boot_report.console_tail(log)}"
        state = f"the domain is {found.state}" if found else "the domain is gone"
        if found and found.state == "running":
            state += answers()
        parts = [state, *console_hints.meanings(wanted.console, said_by(log))]
        return "; ".join(parts) + f"; its console said last:\n{boot_report.console_tail(log)}"

    def power_down(self, instance_id: str, guest_name: str) -> None:
        """Ask it to shut down, and give it a while to heed that."""
        self._guests.domains.power_down(instance_id)
        try:
            wait_until(
                lambda: self.number_of(instance_id) is None,
                what="the guest's end",
                within_s=POWER_DOWN_WITHIN_S,
                every_s=0.1,
            )
        except DeadlineError:
            return

    def end(self, instance_id: str) -> None:
        """Destroy it, and take its block devices away."""
        self._guests.end(instance_id)

    def usage(self, instance_id: str) -> Usage:
        """Read what Xen accounts."""
        return self._guests.domains.usage(instance_id)

    def reset_peak(self, instance_id: str) -> bool:
        """Say no: Xen sets memory aside for a domain, and knows no peak."""
        return False

    def leftovers(self) -> Iterator[Leftover]:
        """Find domains by their folders here."""
        return self._guests.leftovers()

    def remove(self, leftover: Leftover) -> None:
        """End one, wherever its dom0 is."""
        domain_lifecycle.remove(self.hypervisor, leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell of Xen, and of dom0."""
        return facts_of(self.settings)
