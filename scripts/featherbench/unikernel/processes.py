# SPDX-License-Identifier: Apache-2.0
"""Unikernels that are processes of this machine: in QEMU, or of a tender of Solo5's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import programs
from featherbench.guest import accounting, bridge, kvm_probe, lacks
from featherbench.guest.vhost import has_vhost
from featherbench.platforms.contract import Lack
from featherbench.unikernel import leftovers, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from featherbench.guest.definition import Accelerator
    from featherbench.platforms.contract import Leftover
    from featherbench.record import Instance, Usage
    from featherbench.unikernel.description import Backend, Description
    from featherbench.unikernel.guest import Guest

NEEDS = {"ip": "iproute2", "iptables": "iptables", "sysctl": "procps"}
QEMU = {"qemu-system-x86_64": "qemu-system-x86"}
SOLO5 = "opam install solo5, and have its programs in root's PATH"
BACKENDS: dict[Accelerator | None, tuple[Backend, ...]] = {
    "kvm": ("qemu", "solo5-hvt"),
    "tcg": ("qemu",),
    None: ("solo5-spt",),
}


@dataclass(frozen=True, kw_only=True)
class Processes:
    """See `unikernel/contract.py`. `accelerator` is None on the bare host, for Solo5's spt."""

    accelerator: Accelerator | None = None

    @property
    def name(self) -> str:
        """The host is called as its accelerator."""
        return self.accelerator or machine.NATIVE

    @property
    def vhost(self) -> bool:
        """Under KVM, where the device can be opened."""
        return self.accelerator is not None and has_vhost(self.accelerator)

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Name what the accelerator runs."""
        return BACKENDS[self.accelerator]

    def lacks(self) -> Iterable[Lack]:
        """Name missing programs, rights, and why KVM cannot be used."""
        found = [*programs.lacking_root(), *programs.missing(NEEDS)]
        found += (
            programs.missing(QEMU) if self.accelerator else programs.without("solo5-spt", SOLO5)
        )
        if not lacks.TUN.exists():
            found.append(Lack(what=f"there is no {lacks.TUN}", remedy="modprobe tun"))
        if self.accelerator == "kvm" and not found and os.geteuid() == 0:
            found += lacks.of_kvm()
        return found

    def lacks_for(self, backend: Backend) -> Iterator[Lack]:
        """Name the tender, if it is missing: no Debian package brings it."""
        if backend != "qemu":
            yield from programs.without(backend, SOLO5)

    def prepare(self, guest_subnet: str, files: Sequence[Path], *, state: str, home: str) -> None:
        """Make the bridge, and let the client's packets pass to it."""
        bridge.prepare(guest_subnet, state=state, home=home)

    def start(self, guest: Guest, *, state: str, cpus: Sequence[int]) -> dict[str, float]:
        """Start its process."""
        return machine.start(guest, state=state, bridge=bridge.of(state), cpus=cpus)

    def number_of(self, instance_id: str) -> int | None:
        """Give its process's."""
        return machine.pid_of(instance_id)

    def ended_with(self, number: int) -> int | None:
        """Give the status of a process of this one's."""
        return machine.exit_status(number)

    def is_well(self, guest_name: str, backend: Backend) -> bool:
        """Ask QEMU; of a tender, its process is all there is."""
        return machine.is_well(guest_name, is_qemu=backend == "qemu")

    def diagnosis(self, instance: Instance, wanted: Description, answers: Callable[[], str]) -> str:
        """Ask QEMU, and read what it said."""
        return machine.diagnosis(
            instance_id=instance.id,
            number=instance.handle["number"],
            name=instance.handle["name"],
            is_qemu=wanted.backend == "qemu",
            log=Path(instance.handle["console"]),
            signs=wanted.console,
            answers=answers,
        )

    def power_down(self, instance_id: str, guest_name: str) -> None:
        """Press QEMU's button."""
        machine.power_down(instance_id, guest_name)

    def end(self, instance_id: str) -> None:
        """End its process, and remove group and tap."""
        machine.end(instance_id)

    def usage(self, instance_id: str) -> Usage:
        """Read what its process has used."""
        return machine.usage(instance_id)

    def reset_peak(self, instance_id: str) -> bool:
        """Reset its process's."""
        pid = machine.pid_of(instance_id)
        return pid is not None and accounting.reset_peak(pid)

    def leftovers(self) -> Iterator[Leftover]:
        """Find guests by their taps."""
        return leftovers.find(self.name)

    def remove(self, leftover: Leftover) -> None:
        """End a guest, and remove what was made for it."""
        leftovers.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's version, and whether packets pass in the kernel."""
        if self.accelerator is None:
            return {"hypervisor": "none: a process"}
        packets = "vhost-net" if self.vhost else "QEMU"
        return {"qemu": kvm_probe.version(), "accelerator": self.accelerator, "packets": packets}
