# SPDX-License-Identifier: Apache-2.0
"""What the output of guests, of QEMU and of tenders means: each known failure with its remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from featherbench.system.error_hints import ErrorHint, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.unikernels.image_description import Console


OF_GUESTS = (
    ErrorHint(
        r"\b(dhcp|bootp)[^\n]{0,40}(discover|request|start|wait|send|broadcast|lease|fail)"
        r"|waiting for (an? )?(ip|address|lease|dhcp)|\b(starting|configuring) dhcp",
        meaning="the guest waits for DHCP, which nobody here gives it",
        remedy="give it its address: `arguments`, with ${address}, or an image with a static one",
    ),
    ErrorHint(
        r"no bootable device|boot failed|not a bootable disk|missing operating system",
        meaning="the firmware found nothing to boot on the disk",
        remedy="check that `format` of the first disk is right (raw or qcow2), and has a loader",
    ),
    ErrorHint(
        r"out of memory|cannot allocate|bad_alloc|not enough memory|failed to allocate",
        meaning="the guest ran out of memory",
        remedy="give it more: `memory_mib`",
    ),
)
OF_HYPERVISORS = (
    ErrorHint(
        r"KVM internal error|kvm run failed|error: failed to set MSR|kvm_buf_set_msrs",
        meaning="KVM failed inside (an internal error)",
        remedy="see `python -m featherbench.vm.libvirt.kvm_probe`; in a virtual machine, use tcg",
    ),
    ErrorHint(
        r"without PVH ELF Note|invalid kernel header|multiboot.*(not|unsupported|invalid)"
        r"|Could not load kernel|error loading.*kernel|linux kernel too old",
        meaning="QEMU cannot boot this kernel: it is for another hypervisor or another machine",
        remedy="build the image for QEMU or KVM (virtio), or name the `backend` that it is for",
    ),
    ErrorHint(
        r"Image is not in qcow2 format|Image is not in .* format|could not open disk image.*format",
        meaning="the disk is not in the format that the description says",
        remedy="set `format` of the disk to raw or qcow2, as the file is",
    ),
    ErrorHint(
        r"unsupported (abi|elf)|ABI (version|target)"
        r"|Invalid or unsupported executable|Executable is not for|No Solo5 (ABI|manifest)",
        meaning="the tender does not know this image's interface (ABI)",
        remedy="build it for this tender, and for the version of Solo5 that is installed",
    ),
    ErrorHint(
        r"resource not declared|undeclared|device .* not (attached|specified|declared)",
        meaning="the tender was given a device that the image does not declare, or not all that"
        " it does",
        remedy="set `nic.name` and the disks' `name` as the image's manifest has them",
    ),
    ErrorHint(
        r"is not a valid device model|'[^']+' is not a valid|Property .* not found"
        r"|unsupported machine type|Device .* could not be initialized|unable to find CPU model",
        meaning="this host's QEMU does not have what the description asks for",
        remedy="choose what it has: see `qemu-system-x86_64 -machine help`, -cpu, -device",
    ),
    ErrorHint(
        r"cannot set up guest memory|Cannot allocate memory|at least .* (RAM|memory)",
        meaning="the guest cannot have that amount of memory",
        remedy="choose another `memory_mib`",
    ),
)


def failed(console: Console, said: str) -> str:
    """Give the description's own sign of a dead guest that is in what it said; none: empty."""
    for pattern in console.failure:
        if found := re.search(pattern, said):
            return found[0]
    return ""


def meanings(console: Console, guest_said: str, own_said: str = "") -> Iterator[str]:
    """Say what a guest's output means, and what its hypervisor said of its own accord."""
    if failure := failed(console, guest_said):
        yield f"its console shows the description's sign of failure, {failure!r}"
    if hint := find(OF_HYPERVISORS, own_said or guest_said) or find(OF_GUESTS, guest_said):
        yield f"{hint.meaning} ({hint.remedy})"


def succeeded(console: Console, said: str) -> bool:
    """Whether the description's sign of success is in what the guest said."""
    return bool(console.success and re.search(console.success, said))
