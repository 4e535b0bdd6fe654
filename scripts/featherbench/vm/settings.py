# SPDX-License-Identifier: Apache-2.0
"""What a user may set of virtual machines."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from featherbench.contracts.vm_runner import GuestSettings, WholeSystemSettings
from featherbench.vm.libvirt.domain_xml import DiskCache, MachineType  # noqa: TC001 - pydantic needs them at run time


class QemuSettings(GuestSettings):
    """A virtual machine of QEMU."""

    machine: MachineType = "q35"
    """The machine type that QEMU emulates; `pc` is the older one."""
    disk_cache: DiskCache = "writeback"
    """How its disk uses this machine's page cache. `writeback`: like the files of processes and
    containers, so that a start finds the image as warm as theirs. `none`: it bypasses the cache, if
    the file system can."""

    @field_validator("machine", mode="before")
    @classmethod
    def _defined_by_libvirt(cls, value: object) -> object:
        if value == "microvm":
            raise ValueError("libvirt cannot define a microvm, which has no PCI: use q35 or pc")
        return value


class XenSettings(GuestSettings):
    """A virtual machine of Xen."""

    mode: Literal["pvh", "pv"] = "pvh"
    """How Xen runs it: `pvh` with the processor's support for virtualization, `pv` without it, by a
    paravirtualized kernel."""


class WholeQemuSettings(QemuSettings, WholeSystemSettings):
    """A virtual machine of QEMU that is the server under test."""


class WholeXenSettings(XenSettings, WholeSystemSettings):
    """A virtual machine of Xen that is the server under test."""
