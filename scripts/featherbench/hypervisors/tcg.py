# SPDX-License-Identifier: Apache-2.0
"""Software-emulated virtual machines for machines without KVM; always reported apart."""

from __future__ import annotations

from featherbench.hypervisors._qemu import QemuHypervisor


class Hypervisor(QemuHypervisor):
    """QEMU's Tiny Code Generator: slow, and available everywhere."""

    accelerator = "tcg"
    emulated = True
