# SPDX-License-Identifier: Apache-2.0
"""Virtual machines on this machine or in Xen's dom0: what all hypervisors but `native` share."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from featherbench.contracts.hypervisor import Hypervisor
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Technology
from featherbench.contracts.vm_runner import VmRunner
from featherbench.ownership import Leftover
from featherbench.rootfs import descriptions
from featherbench.unikernels import process_runner
from featherbench.unikernels.process_runner import ProcessRunner
from featherbench.vm.container_in_vm import ContainerInVm, root_for
from featherbench.vm.libvirt import domains
from featherbench.vm.libvirt.domain_xml import Accelerator
from featherbench.vm.libvirt.runner import LibvirtRunner
from featherbench.vm.virtual_machine import VirtualMachine
from featherbench.xen.runner import XenRunner
from featherbench.xen.settings import Dom0Settings

IMAGE_FAMILY = "guest"
"""All hypervisors of virtual machines share their disk images."""


def _platform(
    name: str, technology: Technology, *, images: VmRunner, systems: VmRunner
) -> Technology | None:
    """Return a virtual machine for `linux` and users' images, and otherwise the technology in one.

    None if no root file system has the engine of that name.
    """
    if with_runner := technology.with_runner(images):
        return with_runner
    if name == VirtualMachine.name:
        return VirtualMachine(runner=systems)
    if root_for(name) not in descriptions.names():
        return None
    return ContainerInVm(name=name, inner=technology, runner=systems)


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
        return _platform(name, technology, images=self._processes, systems=self._vms)

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


class XenHypervisor(Hypervisor[Dom0Settings]):
    """See `contracts/hypervisor.py`."""

    name: ClassVar[str]
    image_family = IMAGE_FAMILY

    def _runner(self, settings: Dom0Settings) -> XenRunner:
        return XenRunner(hypervisor=self.name, emulated=self.emulated, settings=settings)

    def platform(
        self, name: str, technology: Technology, settings: Dom0Settings
    ) -> Technology | None:
        """Return the technology as, or in, a domain."""
        runner = self._runner(settings)
        return _platform(name, technology, images=runner, systems=runner)

    def leftovers(self) -> Iterator[Leftover]:
        """Return domains by their folders on this machine."""
        return self._runner(Dom0Settings()).leftovers()

    def remove(self, leftover: Leftover) -> None:
        """End one, in the dom0 that its folder names."""
        self._runner(Dom0Settings()).remove(leftover)

    def facts(self, settings: Dom0Settings) -> Mapping[str, str]:
        """Return the facts of Xen and dom0; empty if Xen cannot be used."""
        runner = self._runner(settings)
        return {} if runner.missing_requirements() else runner.facts()
