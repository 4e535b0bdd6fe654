# SPDX-License-Identifier: Apache-2.0
"""What a user may set of the virtual machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from featherbench.contracts.settings import DriverSettings
from featherbench.vm.libvirt.domain_xml import DiskCache, MachineType  # noqa: TC001 - pydantic needs them at run time

if TYPE_CHECKING:
    from collections.abc import Sequence


class GuestSettings(DriverSettings):
    """A virtual machine, whatever runs it and in it."""

    memory_mib: Annotated[int, Field(ge=64)] = 1024
    """Its memory."""
    vcpus: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Its processors; `auto`: as many as the server has CPUs."""

    def vcpus_on(self, cpus: Sequence[int]) -> int:
        """Give how many processors it has, where the server has `cpus`."""
        return len(cpus) if self.vcpus == "auto" else self.vcpus


class QemuSettings(GuestSettings):
    """A virtual machine of QEMU's."""

    machine: MachineType = "q35"
    """What QEMU pretends to be; `pc` is the older."""
    disk_cache: DiskCache = "writeback"
    """How its disk goes through this machine's page cache. `writeback`: it does, as the files of
    processes and containers do, so that a start finds the image as warm as theirs. `none`: past
    it, where the file system can."""

    @field_validator("machine", mode="before")
    @classmethod
    def _defined_by_libvirt(cls, value: object) -> object:
        if value == "microvm":
            raise ValueError("libvirt cannot define a microvm, which has no PCI: use q35 or pc")
        return value


class XenSettings(GuestSettings):
    """A virtual machine of Xen's."""

    mode: Literal["pvh", "pv"] = "pvh"
    """How Xen runs it: `pvh` with the processor's support for virtual machines, `pv` without, by a
    kernel that knows that it is a guest."""


class WholeSystemSettings(GuestSettings):
    """A virtual machine that is the server under test."""

    init: Literal["systemd", "minimal"] = "systemd"
    """Process 1: `systemd` boots a whole Debian to the service; `minimal` does what the service
    needs and no more."""


class WholeQemuSettings(QemuSettings, WholeSystemSettings):
    """A virtual machine of QEMU's that is the server under test."""


class WholeXenSettings(XenSettings, WholeSystemSettings):
    """A virtual machine of Xen's that is the server under test."""
