# SPDX-License-Identifier: Apache-2.0
"""What this machine lacks to run virtual machines. Cheap: no daemon is asked."""

import importlib.util
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from featherbench.contracts.vm_runner import VmRunner
from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs
from featherbench.vm.libvirt import kvm_probe
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
    "ip": "iproute2",
    "iptables": "iptables",
    "sysctl": "procps",
}
LIBVIRT_DAEMONS = ("libvirtd", "virtqemud")
TUN = Path("/dev/net/tun")
VHOST_NET = Path("/dev/vhost-net")
ARCHITECTURE = "x86_64"


def of_images() -> Iterator[MissingRequirement]:
    """Yield what is missing to make disk images, whatever runs them."""
    if platform.machine() != ARCHITECTURE:
        yield MissingRequirement(
            what=f"guests are for {ARCHITECTURE}, and this machine is {platform.machine()}",
            remedy="take the platforms with guests out of `platforms`",
        )
    yield from programs.missing_root()
    yield from programs.missing(FOR_IMAGES)


def with_images(runner: VmRunner) -> Sequence[MissingRequirement]:
    """Return what is missing to make disk images and to run them, each once."""
    return list(dict.fromkeys((*of_images(), *runner.missing_requirements())))


def has_vhost(accelerator: Accelerator) -> bool:
    """Return whether packets can pass in the kernel; QEMU aborts if it cannot open the device."""
    if accelerator != "kvm":
        return False
    try:
        os.close(os.open(VHOST_NET, os.O_RDWR))
    except OSError:
        return False
    return True


def of_tun() -> Iterator[MissingRequirement]:
    """Yield the device for taps, if it is missing."""
    if not TUN.exists():
        yield MissingRequirement(what=f"there is no {TUN}", remedy="modprobe tun")


def of_qemu() -> Iterator[MissingRequirement]:
    """Yield what is missing for libvirt and QEMU."""
    yield from programs.missing(FOR_QEMU)
    if not any(map(programs.path_of, LIBVIRT_DAEMONS)):
        yield MissingRequirement(
            what=f"none of the programs {' and '.join(LIBVIRT_DAEMONS)} is there",
            remedy="apt-get install libvirt-daemon-system",
        )
    if importlib.util.find_spec("libvirt") is None:
        yield MissingRequirement(
            what="the Python package libvirt-python is missing",
            remedy="apt-get install libvirt-dev pkg-config gcc, then pip install libvirt-python",
        )
    yield from of_tun()


def with_kvm(
    missing: list[MissingRequirement], accelerator: Accelerator
) -> list[MissingRequirement]:
    """Add why KVM cannot be used, if nothing else is missing; it is probed last, and by root."""
    is_skipped = accelerator != "kvm" or missing or os.geteuid() != 0
    reason = "" if is_skipped else kvm_probe.why_unusable()
    if not reason:
        return missing
    remedy = (
        "enable virtualization in the firmware (or nested virtualization, if this machine is itself"
        f" a guest) and load kvm_intel or kvm_amd; then rm -f {kvm_probe.RESULT}"
    )
    return [MissingRequirement(what=f"KVM cannot be used: {reason}", remedy=remedy)]


def of_accelerator(accelerator: Accelerator) -> list[MissingRequirement]:
    """Return what this machine lacks to run guests of our disk images under that accelerator."""
    return with_kvm([*programs.missing_root(), *of_qemu()], accelerator)
