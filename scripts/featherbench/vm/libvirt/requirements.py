# SPDX-License-Identifier: Apache-2.0
"""What this machine lacks to run guests. Cheap: no daemon is asked."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs
from featherbench.vm.libvirt import kvm_probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.vm.libvirt.domain_xml import Accelerator

FOR_IMAGES = {
    "mke2fs": "e2fsprogs",
    "fallocate": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "tar": "tar",
    **programs.FOR_ROOT_FILESYSTEM,
}
FOR_QEMU = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "libvirtd": "libvirt-daemon-system",
    "ip": "iproute2",
    "iptables": "iptables",
    "sysctl": "procps",
}
TUN = Path("/dev/net/tun")
ARCHITECTURE = "x86_64"


def of_images() -> Iterator[MissingRequirement]:
    """Name what the images of guests are made with, whatever runs them."""
    if platform.machine() != ARCHITECTURE:
        yield MissingRequirement(
            what=f"guests are for {ARCHITECTURE}, and this machine is {platform.machine()}",
            remedy="take the platforms with guests out of `platforms`",
        )
    yield from programs.missing_root()
    yield from programs.missing(FOR_IMAGES)


def of_qemu() -> Iterator[MissingRequirement]:
    """Name what QEMU's guests need besides."""
    yield from programs.missing(FOR_QEMU)
    if importlib.util.find_spec("libvirt") is None:
        yield MissingRequirement(
            what="the Python package libvirt-python is missing",
            remedy="apt-get install libvirt-dev pkg-config gcc, then pip install libvirt-python",
        )
    if not TUN.exists():
        yield MissingRequirement(what=f"there is no {TUN}", remedy="modprobe tun")


def of_kvm() -> Iterator[MissingRequirement]:
    """Say why KVM cannot be used: for root, and where QEMU is."""
    reason = kvm_probe.why_unusable()
    if reason:
        yield MissingRequirement(
            what=f"KVM cannot be used: {reason}",
            remedy="enable virtualisation in the firmware (or nested virtualisation, where this"
            " machine is itself a guest) and load kvm_intel or kvm_amd;"
            f" then rm -f {kvm_probe.MEMORY}",
        )


def of_accelerator(accelerator: Accelerator) -> list[MissingRequirement]:
    """Name what guests under that accelerator need. KVM is looked at last, by root alone."""
    found = [*of_images(), *of_qemu()]
    if accelerator == "kvm" and not found and os.geteuid() == 0:
        found += of_kvm()
    return found
