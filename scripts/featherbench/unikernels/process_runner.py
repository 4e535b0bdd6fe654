# SPDX-License-Identifier: Apache-2.0
"""Unikernels that are processes of this machine: in QEMU, or of a tender of Solo5's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs
from featherbench.unikernels import leftovers, vm_process
from featherbench.vm.libvirt import kvm_probe, vm_usage
from featherbench.vm.libvirt import requirements as missing_requirements
from featherbench.vm.libvirt.vhost import has_vhost
from featherbench.vm.network import bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.instance import Instance
    from featherbench.unikernels.guest_spec import Guest
    from featherbench.unikernels.image_description import Backend, Description
    from featherbench.vm.libvirt.domain_xml import Accelerator

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
    """`accelerator` is None without a hypervisor, for Solo5's spt."""

    accelerator: Accelerator | None = None

    @property
    def name(self) -> str:
        """The host is called as its accelerator."""
        return self.accelerator or vm_process.NATIVE

    @property
    def vhost(self) -> bool:
        """Under KVM, where the device can be opened."""
        return self.accelerator is not None and has_vhost(self.accelerator)

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Name what the accelerator runs."""
        return BACKENDS[self.accelerator]

    def missing_requirements(self) -> Iterable[MissingRequirement]:
        """Name missing programs, rights, and why KVM cannot be used."""
        found = [*programs.missing_root(), *programs.missing(NEEDS)]
        found += (
            programs.missing(QEMU)
            if self.accelerator
            else programs.missing_program("solo5-spt", SOLO5)
        )
        if not missing_requirements.TUN.exists():
            found.append(
                MissingRequirement(
                    what=f"there is no {missing_requirements.TUN}", remedy="modprobe tun"
                )
            )
        if self.accelerator == "kvm" and not found and os.geteuid() == 0:
            found += missing_requirements.of_kvm()
        return found

    def missing_requirements_for(self, backend: Backend) -> Iterator[MissingRequirement]:
        """Name the tender, if it is missing: no Debian package brings it."""
        if backend != "qemu":
            yield from programs.missing_program(backend, SOLO5)

    def prepare(
        self, guest_subnet: str, files: Sequence[Path], *, state: str, callback_address: str
    ) -> None:
        """Make the bridge, and let the client's packets pass to it."""
        bridge.prepare(guest_subnet, state=state, callback_address=callback_address)

    def start(self, guest: Guest, *, state: str, cpus: Sequence[int]) -> dict[str, float]:
        """Start its process."""
        return vm_process.start(guest, state=state, bridge=bridge.of(state), cpus=cpus)

    def number_of(self, instance_id: str) -> int | None:
        """Give its process's."""
        return vm_process.pid_of(instance_id)

    def ended_with(self, number: int) -> int | None:
        """Give the status of a process of this one's."""
        return vm_process.exit_status(number)

    def responds(self, guest_name: str, backend: Backend) -> bool:
        """Ask QEMU; of a tender, its process is all there is."""
        return vm_process.responds(guest_name, is_qemu=backend == "qemu")

    def diagnosis(self, instance: Instance, wanted: Description, answers: Callable[[], str]) -> str:
        """Ask QEMU, and read what it said."""
        return vm_process.diagnosis(
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
        vm_process.power_down(instance_id, guest_name)

    def end(self, instance_id: str) -> None:
        """End its process, and remove group and tap."""
        vm_process.end(instance_id)

    def usage(self, instance_id: str) -> Usage:
        """Read what its process has used."""
        return vm_process.usage(instance_id)

    def reset_peak(self, instance_id: str) -> bool:
        """Reset its process's."""
        pid = vm_process.pid_of(instance_id)
        return pid is not None and vm_usage.reset_peak(pid)

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
