# SPDX-License-Identifier: Apache-2.0
"""A unikernel's image: made or taken from the user, checked, and checked again before a start.

For the first bytes of the files, see the ELF specification, chapter "ELF Header"; QEMU's
docs/interop/qcow2.rst; Linux' boot.rst.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from featherbench.clock import now_utc
from featherbench.contracts.image_description import (
    Backend,
    Description,
    ImageDisk,
    Make,
    description_in,
)
from featherbench.contracts.technology import BuildRequest
from featherbench.errors import ImageError
from featherbench.files import canonical_json, digest, file_digest
from featherbench.records.instance import Image
from featherbench.system import subprocesses
from featherbench.vm.disk_image import size_of_files

KERNEL = "kernel"
"""The name, in ${into}, of the kernel that a vendor's tool makes."""
VERSION_WITHIN_S = 60.0
STATED = "stated by the image's builder: "
COUNTED = "every file that the guest boots from; compressed: gzip of each"

ELF = b"\x7fELF"
QCOW2 = b"QFI\xfb"
LINUX = b"HdrS"
LINUX_AT = 0x202
HEAD_BYTES = 1024
MACHINE_AT = 18
LITTLE_ENDIAN_AT, LITTLE_ENDIAN = 5, 1
X86 = {3: "x86", 62: "x86-64"}
CLASS_AT, CLASS_64 = 4, 2
OTHERS = {40: "Arm", 183: "AArch64", 243: "RISC-V", 21: "PowerPC64", 22: "S/390", 8: "MIPS"}

SOLO5_ABI = re.compile(rb"ABI1Solo5\0\0\0(.{4})", re.DOTALL)
"""The type and the name of the ELF note, then the target; see Solo5's include/solo5/elf_abi.h."""
SOLO5_TARGETS: dict[int, tuple[Backend, str]] = {
    1: ("solo5-hvt", "hvt"),
    2: ("solo5-spt", "spt"),
    3: ("qemu", "virtio"),
    6: ("xl", "xen"),
}
DEBUG = b".debug_info"
DEBUG_WARNING = "has debug symbols, which are a part of its size: name the stripped file"


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD_BYTES)


def kernel_fault(file: Path) -> ImageError | None:
    """Return why a kernel is not one for this machine; None if it may be."""
    head = _head(file)
    if head[LINUX_AT : LINUX_AT + len(LINUX)] == LINUX:
        return None
    if not head.startswith(ELF) or len(head) <= MACHINE_AT + 1:
        return ImageError(
            f"{file} is neither an ELF executable nor a Linux kernel (wrong ABI)",
            remedy="name the kernel that the vendor's tool made; unpack an archive first",
        )
    order = "<" if head[LITTLE_ENDIAN_AT] == LITTLE_ENDIAN else ">"
    (machine,) = struct.unpack_from(f"{order}H", head, MACHINE_AT)
    if machine in X86:
        return None
    return ImageError(
        f"{file} is for {OTHERS.get(machine, f'machine {machine}')}, not for x86-64 (wrong ABI)",
        remedy="build the image for x86-64",
    )


def solo5_fault(file: Path, backend: Backend) -> ImageError | None:
    """Return why a kernel of Solo5, which names its target, is not for a backend; None if it is.

    One for Xen boots under QEMU as well, and dies there without a word.
    """
    note = SOLO5_ABI.search(file.read_bytes())
    target = SOLO5_TARGETS.get(int.from_bytes(note[1], "little")) if note else None
    if target is None or target[0] == backend:
        return None
    return ImageError(
        f"{file} is for Solo5's {target[1]}, not for {backend} (wrong ABI)",
        remedy=f"build it for {backend}, or name the `backend` and the hypervisor that it is for",
    )


def has_debug_symbols(file: Path) -> bool:
    """Return whether an ELF file has a section of debug symbols."""
    content = file.read_bytes()
    if not content.startswith(ELF):
        return False
    is_64 = content[CLASS_AT] == CLASS_64
    order = "<" if content[LITTLE_ENDIAN_AT] == LITTLE_ENDIAN else ">"
    word = "Q" if is_64 else "I"
    try:
        (table,) = struct.unpack_from(order + word, content, 40 if is_64 else 32)
        size, _, names = struct.unpack_from(f"{order}3H", content, 58 if is_64 else 46)
        entry = table + size * names + (24 if is_64 else 16)
        begin, length = struct.unpack_from(order + 2 * word, content, entry)
    except struct.error:
        return False
    return any(name.endswith(DEBUG) for name in content[begin : begin + length].split(b"\0"))


def disk_fault(file: Path, disk: ImageDisk) -> ImageError | None:
    """Return why a disk's format is not the stated one; None if it may be."""
    is_qcow2 = _head(file).startswith(QCOW2)
    if is_qcow2 == (disk.format == "qcow2"):
        return None
    actual = "qcow2" if is_qcow2 else "not qcow2"
    return ImageError(
        f"{file} is {actual}, but the description states {disk.format} (wrong disk format)",
        remedy=f"set the disk's `format` to {'qcow2' if is_qcow2 else 'raw'}, or convert it by"
        " qemu-img",
    )


def faults(description: Description, kernel: Path | None) -> list[ImageError]:
    """Return what is wrong with the files that a guest boots from."""
    results = [kernel_fault(kernel)] if kernel else []
    results += [solo5_fault(kernel, description.backend)] if kernel else []
    results += [disk_fault(disk.path, disk) for disk in description.disks if disk.path]
    return [fault for fault in results if fault]


def marks_of(files: Iterable[Path]) -> dict[str, list[int]]:
    """Return, by file, values that change when it is written: cheaper than its digest."""
    return {str(file): [file.stat().st_size, file.stat().st_mtime_ns] for file in files}


def _make_kernel(make: Make, into: Path) -> tuple[Path, str]:
    """Run the vendor's tool; return the kernel and the tool's version. Raise ImageError."""
    command = [Template(word).substitute(into=str(into.resolve())) for word in make.command]
    remedy = "run the description's `make.command` by hand, and correct what it reports"
    with subprocesses.failure_as(ImageError, "the image cannot be made", remedy=remedy):
        printed = subprocesses.run(make.version, timeout_s=VERSION_WITHIN_S)
        subprocesses.run(command, timeout_s=make.within_s)
    kernel = into / KERNEL  # as seen from the workflow's folder, which may be moved
    if not kernel.exists():
        raise ImageError(
            f"`{' '.join(command)}` did not make {kernel}",
            remedy="have the description's `make.command` write ${into}/" + KERNEL,
        )
    return kernel, (printed.stdout + printed.stderr).strip().partition("\n")[0]


def _require_stated_digests(
    description: Description, kernel: Path | None, digests: Mapping[str, str]
) -> None:
    """Raise ImageError if a file is not the one that the description states."""
    stated = [(kernel, description.sha256)]
    stated += [(disk.path, disk.sha256) for disk in description.disks]
    for file, expected in stated:
        if file and expected and digests[str(file)] != expected:
            raise ImageError(
                f"the checksum of {file} is {digests[str(file)]}, not {expected}: the image"
                " changed",
                remedy="restore the image, or put its new `sha256` into the description",
            )


def build(technology: str, request: BuildRequest) -> Image:
    """Make the image, or take the user's. Raise ImageError if it cannot be booted."""
    description = description_in(request.build_inputs)
    kernel, versions = description.kernel, {}
    if description.make:
        kernel, versions["made by"] = _make_kernel(description.make, request.into)
    for fault in faults(description, kernel):
        raise fault
    disks = [disk.path for disk in description.disks if disk.path]
    files = [kernel, *disks] if kernel else disks
    digests = {str(file): file_digest(file) for file in files}
    _require_stated_digests(description, kernel, digests)
    if kernel and has_debug_symbols(kernel):
        versions["warning"] = f"{kernel.name} {DEBUG_WARNING}"
    without_paths = description.model_dump(
        mode="json", exclude={"kernel": True, "make": True, "disks": {"__all__": {"path"}}}
    )
    return Image(
        technology=technology,
        service=request.service,
        digest=digest(canonical_json([without_paths, list(digests.values())]).encode()),
        reference={
            "description": description.model_dump(mode="json"),
            "kernel": str(kernel) if kernel else "",
            "digests": digests,
            "marks": marks_of(files),
        },
        size=size_of_files(files, counted=COUNTED),
        versions={**versions, **dict(_facts(description, digests))},
        built_utc=now_utc(),
        build_log=f"booted from {', '.join(digests)}",
    )


def _facts(description: Description, digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path, file_sha256 in digests.items():
        yield f"sha256 of {Path(path).name}", file_sha256
    for name, value in description.constants.items():
        yield STATED + name, value


def require_unchanged(reference: Mapping[str, Any]) -> None:
    """Raise ImageError if a file is gone, or is not the one that was recorded."""
    for path, marks in reference["marks"].items():
        file = Path(path)
        if not file.exists():
            raise ImageError(
                f"{file}, which the image boots from, is gone",
                remedy="restore it, or remove its record in results/images: it is made again",
            )
        if marks_of([file])[path] != marks and file_digest(file) != reference["digests"][path]:
            raise ImageError(
                f"the checksum of {file} has changed since its image was recorded",
                remedy="run again when the program that writes it has finished: it is recorded"
                " again",
            )


def boot_files(reference: Mapping[str, Any]) -> list[Path]:
    """Return every file that a recorded image boots from."""
    return [Path(path).resolve() for path in reference["marks"]]
