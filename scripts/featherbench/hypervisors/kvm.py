# SPDX-License-Identifier: Apache-2.0
"""Virtual machines whose code this machine's processor runs, by KVM."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.hypervisors._qemu import QemuHypervisor

if TYPE_CHECKING:
    from featherbench.vm.libvirt.domain_xml import Accelerator


class Hypervisor(QemuHypervisor):
    """QEMU with KVM: used only where a tiny guest has been seen to run under it."""

    accelerator: ClassVar[Accelerator] = "kvm"
