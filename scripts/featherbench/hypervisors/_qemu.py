# SPDX-License-Identifier: Apache-2.0
"""What hosts that run guests share, and what `kvm` and `tcg` do beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.hypervisor import Hypervisor
from featherbench.rootfs import descriptions
from featherbench.unikernels import leftovers as unikernels
from featherbench.unikernels.process_runner import Processes
from featherbench.vm import container_in_vm, virtual_machine
from featherbench.vm.libvirt import domains, requirements
from featherbench.vm.libvirt.hypervisor import Qemu

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.contracts.settings import DriverSettings
    from featherbench.contracts.technology import Technology
    from featherbench.contracts.unikernel_runner import UnikernelRunner
    from featherbench.contracts.vm_runner import VmRunner
    from featherbench.ownership import Leftover
    from featherbench.vm.libvirt.domain_xml import Accelerator

IMAGES = "guest"
"""The family of images that guests share, whatever runs them."""


def platform(
    name: str, technology: Technology, hypervisor: VmRunner, runner: UnikernelRunner
) -> Technology | None:
    """Give the guest itself for `linux`; for what has an engine, that in a guest.

    A unikernel is a guest by itself. None where no root file system has the engine of that name.
    """
    if as_guest := technology.with_runner(runner):
        return as_guest
    if name == virtual_machine.NAME:
        return virtual_machine.WholeSystem(hypervisor=hypervisor)
    if container_in_vm.root_for(name) not in descriptions.names():
        return None
    return container_in_vm.Nested(name=name, inner=technology, hypervisor=hypervisor)


class QemuHypervisor(Hypervisor):
    """Virtual machines on this machine, by libvirt, and unikernels by QEMU and tenders.

    See `contracts/hypervisor.py`.
    """

    accelerator: ClassVar[Accelerator]
    image_family = IMAGES

    @property
    def _hypervisor(self) -> Qemu:
        return Qemu(accelerator=self.accelerator)

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Give the technology in a guest, or as one; see above."""
        return platform(name, technology, self._hypervisor, Processes(accelerator=self.accelerator))

    def leftovers(self) -> Iterator[Leftover]:
        """Find unikernels, machines, their folders, and the bridge."""
        yield from unikernels.find(self.accelerator)
        yield from self._hypervisor.leftovers()

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        if leftover.kind == unikernels.KIND:
            unikernels.remove(leftover)
        else:
            self._hypervisor.remove(leftover)

    def facts(self, settings: DriverSettings) -> Mapping[str, str]:
        """Tell the hypervisor's versions; nothing where guests cannot run."""
        return {} if requirements.of_accelerator(self.accelerator) else domains.facts()
