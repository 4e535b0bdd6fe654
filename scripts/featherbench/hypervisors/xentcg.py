# SPDX-License-Identifier: Apache-2.0
"""Domains of a Xen that runs on an emulated processor: to try things out, not to measure Xen."""

from __future__ import annotations

from typing import ClassVar

from featherbench.hypervisors._xen import XenHypervisor


class Hypervisor(XenHypervisor):
    """Xen inside QEMU's software emulation: never passed off as Xen."""

    name: ClassVar[str] = "xentcg"
    emulated = True
