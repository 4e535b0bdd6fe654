# SPDX-License-Identifier: Apache-2.0
"""A unikernel's image: made or found, checked, and known again when a guest starts from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from featherbench.clock import now_utc
from featherbench.errors import CommandError, ImageError
from featherbench.files import canonical_json, digest, file_digest
from featherbench.records.image import Image, ImageSize
from featherbench.rootfs.archives import BLOCK_BYTES, compressed_bytes
from featherbench.system import subprocesses
from featherbench.unikernels.boot_file_check import faults
from featherbench.unikernels.image_description import Description

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.contracts.technology import BuildRequest
    from featherbench.unikernels.image_description import Make

KERNEL = "kernel"
"""What a tool that makes an image is to call it, in ${into}."""
VERSION_WITHIN_S = 60.0
STATED = "stated by the image's builder: "
COUNTED = "every file that the guest boots from; compressed: gzip of each"


@dataclass(frozen=True, kw_only=True)
class Boot:
    """A complete description, and the kernel that it boots (None: it boots from its disk)."""

    description: Description
    kernel: Path | None

    def files(self) -> list[Path]:
        """Give all files that the guest has."""
        disks = [disk.path for disk in self.description.disks if disk.path]
        return [*([self.kernel] if self.kernel else []), *disks]


def _version(make: Make) -> str:
    done = subprocesses.run(make.version, timeout_s=VERSION_WITHIN_S)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def _made(make: Make, into: Path) -> tuple[Path, str]:
    """Run the vendor's tool; give the kernel that it made, and its version. Raises ImageError."""
    command = [Template(word).substitute(into=str(into.resolve())) for word in make.command]
    try:
        version = _version(make)
        subprocesses.run(command, timeout_s=make.within_s)
    except CommandError as failure:
        raise ImageError(
            f"the image cannot be made: {failure.message}",
            remedy="run the description's `make.command` by hand, and mend what it says",
        ) from failure
    kernel = into.resolve() / KERNEL
    if not kernel.exists():
        raise ImageError(
            f"`{' '.join(command)}` has made no {kernel}",
            remedy="have the description's `make.command` write ${into}/" + KERNEL,
        )
    return kernel, version


def _require_stated(boot: Boot, digests: Mapping[str, str]) -> None:
    """Raise ImageError when a file is not the one that the description states."""
    stated = [(boot.kernel, boot.description.sha256)]
    stated += [(disk.path, disk.sha256) for disk in boot.description.disks]
    for file, wanted in stated:
        if file and wanted and digests[str(file)] != wanted:
            raise ImageError(
                f"the checksum of {file} is {digests[str(file)]}, not {wanted}: the image changed",
                remedy="put the image back, or state its new `sha256` in the description",
            )


def _size(files: list[Path]) -> ImageSize:
    status = [file.stat() for file in files]
    compressed = 0
    for file in files:
        with file.open("rb") as opened:
            compressed += compressed_bytes(opened)
    return ImageSize(
        allocated_bytes=sum(each.st_blocks for each in status) * BLOCK_BYTES,
        apparent_bytes=sum(each.st_size for each in status),
        compressed_bytes=compressed,
        counted=COUNTED,
    )


def _marks(files: list[Path]) -> dict[str, list[int]]:
    """Tell of each file what changes when it is written: cheaper than its digest."""
    return {str(file): [file.stat().st_size, file.stat().st_mtime_ns] for file in files}


def build(technology: str, request: BuildRequest) -> Image:
    """Make the image, or take the one that is there. Raises ImageError."""
    description = Description.model_validate(request.build_inputs["description"])
    kernel, versions = description.kernel, {}
    if description.make:
        kernel, versions["made by"] = _made(description.make, request.into)
    boot = Boot(description=description, kernel=kernel)
    for fault in faults(description, kernel):
        raise ImageError(fault.what, remedy=fault.remedy)
    files = boot.files()
    digests = {str(file): file_digest(file) for file in files}
    _require_stated(boot, digests)
    told = description.model_dump(
        mode="json", exclude={"kernel": True, "make": True, "disks": {"__all__": {"path"}}}
    )
    return Image(
        technology=technology,
        service=request.service,
        digest=digest(canonical_json([told, list(digests.values())]).encode()),
        reference={
            "description": description.model_dump(mode="json"),
            "kernel": str(kernel) if kernel else "",
            "digests": digests,
            "marks": _marks(files),
        },
        size=_size(files),
        versions={**versions, **dict(_facts(description, digests))},
        built_utc=now_utc(),
        build_log=f"booted from {', '.join(digests)}",
    )


def _facts(description: Description, digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path, found in digests.items():
        yield f"sha256 of {Path(path).name}", found
    for name, value in description.constants.items():
        yield STATED + name, value


def boot_of(reference: Mapping[str, Any]) -> Boot:
    """Give what a guest boots from, as it was when the image was recorded.

    Raises ImageError when a file is gone, or is another one now.
    """
    for path, mark in reference["marks"].items():
        file = Path(path)
        if not file.exists():
            raise ImageError(
                f"{file}, which the image boots from, is gone",
                remedy="put it back, or remove its record in results/images: it is made anew",
            )
        if _marks([file])[path] != mark and file_digest(file) != reference["digests"][path]:
            raise ImageError(
                f"the checksum of {file} has changed since its image was recorded",
                remedy="run again when whoever writes it has finished: it is recorded anew",
            )
    kernel = reference["kernel"]
    return Boot(
        description=Description.model_validate(reference["description"]),
        kernel=Path(kernel) if kernel else None,
    )
