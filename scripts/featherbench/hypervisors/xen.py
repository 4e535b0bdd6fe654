# SPDX-License-Identifier: Apache-2.0
"""Domains of Xen's, on a machine whose processor runs them."""

from __future__ import annotations

from typing import ClassVar

from featherbench.hypervisors._xen import XenHypervisor


class Hypervisor(XenHypervisor):
    """Xen by xl, paravirtual (`pv`, `pvh`) devices throughout."""

    name: ClassVar[str] = "xen"
