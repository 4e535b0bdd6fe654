# SPDX-License-Identifier: Apache-2.0
"""Virtual machines with KVM."""

from featherbench.hypervisors._vm import QemuHypervisor


class Hypervisor(QemuHypervisor):
    """QEMU with KVM. It is used only after a test guest has run under it."""

    accelerator = "kvm"
