# SPDX-License-Identifier: Apache-2.0
"""Virtual machines on this machine: what `kvm` and `tcg` share. `platform_in_vm` is Xen's, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.hypervisor import Hypervisor
from featherbench.rootfs import descriptions
from featherbench.unikernels import process_runner
from featherbench.unikernels.process_runner import ProcessRunner
from featherbench.vm.container_in_vm import ContainerInVm, root_for
from featherbench.vm.libvirt import domains
from featherbench.vm.libvirt.runner import LibvirtRunner
from featherbench.vm.virtual_machine import NAME, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.contracts.settings import DriverSettings
    from featherbench.contracts.technology import Technology
    from featherbench.contracts.vm_runner import VmRunner
    from featherbench.ownership import Leftover
    from featherbench.vm.libvirt.domain_xml import Accelerator

IMAGE_FAMILY = "guest"
"""All hypervisors of virtual machines share their disk images."""


def platform_in_vm(name: str, technology: Technology, runner: VmRunner) -> Technology | None:
    """Return a virtual machine for `linux`, and otherwise the technology in a virtual machine.

    None if no root file system has the engine of that name.
    """
    if name == NAME:
        return VirtualMachine(runner=runner)
    if root_for(name) not in descriptions.names():
        return None
    return ContainerInVm(name=name, inner=technology, runner=runner)


class QemuHypervisor(Hypervisor):
    """See `contracts/hypervisor.py`. Users' images run without libvirt, as processes."""

    accelerator: ClassVar[Accelerator]
    image_family = IMAGE_FAMILY

    @property
    def _vms(self) -> LibvirtRunner:
        return LibvirtRunner(accelerator=self.accelerator)

    @property
    def _processes(self) -> ProcessRunner:
        return ProcessRunner(accelerator=self.accelerator)

    def platform(
        self, name: str, technology: Technology, settings: DriverSettings
    ) -> Technology | None:
        """Return the technology as, or in, a virtual machine."""
        return technology.with_runner(self._processes) or platform_in_vm(
            name, technology, self._vms
        )

    def leftovers(self) -> Iterator[Leftover]:
        """Return processes of users' images, virtual machines, their folders, and the bridge."""
        yield from self._processes.leftovers()
        yield from self._vms.leftovers()

    def remove(self, leftover: Leftover) -> None:
        """Remove one leftover."""
        is_process = leftover.kind == process_runner.LEFTOVER
        runner: VmRunner = self._processes if is_process else self._vms
        runner.remove(leftover)

    def facts(self, settings: DriverSettings) -> Mapping[str, str]:
        """Return the versions of libvirt and QEMU; empty if virtual machines cannot run."""
        return {} if self._vms.missing_requirements() else domains.facts()
