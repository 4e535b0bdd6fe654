# SPDX-License-Identifier: Apache-2.0
"""Domains of Xen on a real processor."""

from featherbench.hypervisors._vm import XenHypervisor


class Hypervisor(XenHypervisor):
    """Xen with xl; all devices are paravirtual."""

    name = "xen"
