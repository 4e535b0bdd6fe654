# SPDX-License-Identifier: Apache-2.0
"""Virtual machines that QEMU emulates in software, for hosts without KVM; not passed off as it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.hypervisors._qemu import QemuHypervisor

if TYPE_CHECKING:
    from featherbench.vm.libvirt.domain_xml import Accelerator


class Hypervisor(QemuHypervisor):
    """QEMU's Tiny Code Generator: slow, and everywhere."""

    accelerator: ClassVar[Accelerator] = "tcg"
    emulated = True
