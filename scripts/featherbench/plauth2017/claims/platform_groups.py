# SPDX-License-Identifier: Apache-2.0
"""Which platforms the paper means by its words."""

from __future__ import annotations

NATIVE, DOCKER, LXD = "linux-native", "docker-native", "lxd-native"
CONTAINERS = (DOCKER, LXD)
"""On the bare host."""
UNTRANSLATED = "+bridge"
"""After a container's name where it is reached over a bridge alone: the paper has none."""
GUEST = "linux-kvm"
CONTAINERS_IN_GUEST = ("docker-kvm", "lxd-kvm")
XEN_GUEST = "linux-xen"
GUESTS = (GUEST, XEN_GUEST)
"""Whole-system virtualization."""
RUMPRUN, RUMPRUN_XEN, OSV, MIRAGEOS = "rumprun-kvm", "rumprun-xen", "osv-kvm", "mirageos-xen"
UNIKERNELS = (RUMPRUN, RUMPRUN_XEN, OSV, MIRAGEOS)
ON_BOTH = ((GUEST, XEN_GUEST), (RUMPRUN, RUMPRUN_XEN))
"""What the paper ran on KVM, and the same on Xen."""
ON_ONE = (OSV, MIRAGEOS)
"""What it ran on one of them only."""
