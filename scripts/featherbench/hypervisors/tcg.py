# SPDX-License-Identifier: Apache-2.0
"""Software-emulated virtual machines for machines without KVM; always reported apart."""

from featherbench.hypervisors._vm import QemuHypervisor


class Hypervisor(QemuHypervisor):
    """QEMU's Tiny Code Generator: slow, and available everywhere."""

    accelerator = "tcg"
    emulated = True
