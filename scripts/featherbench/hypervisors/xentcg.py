# SPDX-License-Identifier: Apache-2.0
"""Domains of a Xen on an emulated processor: to try things out, not to measure Xen."""

from featherbench.hypervisors._vm import XenHypervisor


class Hypervisor(XenHypervisor):
    """Xen inside QEMU's software emulation; always reported apart."""

    name = "xentcg"
    emulated = True
