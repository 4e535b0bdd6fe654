# SPDX-License-Identifier: Apache-2.0
"""Checks the first bytes of the files that a guest boots from, before anything is started.

See the ELF specification, chapter "ELF Header"; QEMU's docs/interop/qcow2.rst; Linux' boot.rst.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from featherbench.contracts.image_description import Description, ImageDisk

ELF = b"\x7fELF"
QCOW2 = b"QFI\xfb"
LINUX = b"HdrS"
LINUX_AT = 0x202
HEAD_BYTES = 1024
MACHINE_AT = 18
LITTLE_ENDIAN_AT, LITTLE_ENDIAN = 5, 1
X86 = {3: "x86", 62: "x86-64"}
OTHERS = {40: "Arm", 183: "AArch64", 243: "RISC-V", 21: "PowerPC64", 22: "S/390", 8: "MIPS"}


class Fault(NamedTuple):
    """Why a file cannot be booted from, and what to do."""

    what: str
    remedy: str


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD_BYTES)


def kernel_fault(file: Path) -> Fault | None:
    """Return why a kernel is not one for this machine; None if it may be."""
    head = _head(file)
    if head[LINUX_AT : LINUX_AT + len(LINUX)] == LINUX:
        return None
    if not head.startswith(ELF) or len(head) <= MACHINE_AT + 1:
        return Fault(
            f"{file} is neither an ELF executable nor a Linux kernel (wrong ABI)",
            "name the kernel that the vendor's tool made; unpack an archive first",
        )
    order = "<" if head[LITTLE_ENDIAN_AT] == LITTLE_ENDIAN else ">"
    (machine,) = struct.unpack_from(f"{order}H", head, MACHINE_AT)
    if machine in X86:
        return None
    return Fault(
        f"{file} is for {OTHERS.get(machine, f'machine {machine}')}, not for x86-64 (wrong ABI)",
        "build the image for x86-64",
    )


def disk_fault(file: Path, disk: ImageDisk) -> Fault | None:
    """Return why a disk's format is not the stated one; None if it may be."""
    is_qcow2 = _head(file).startswith(QCOW2)
    if is_qcow2 == (disk.format == "qcow2"):
        return None
    actual = "qcow2" if is_qcow2 else "not qcow2"
    return Fault(
        f"{file} is {actual}, but the description states {disk.format} (wrong disk format)",
        f"set the disk's `format` to {'qcow2' if is_qcow2 else 'raw'}, or convert it by qemu-img",
    )


def faults(description: Description, kernel: Path | None) -> list[Fault]:
    """Return what is wrong with the files that a guest boots from."""
    results = [kernel_fault(kernel)] if kernel else []
    results += [disk_fault(disk.path, disk) for disk in description.disks if disk.path]
    return [fault for fault in results if fault]
