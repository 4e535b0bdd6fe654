# SPDX-License-Identifier: Apache-2.0
"""A unikernel's image: made or taken from the user, checked, and checked again before a start."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from featherbench.clock import now_utc
from featherbench.errors import CommandError, ImageError
from featherbench.files import canonical_json, digest, file_digest
from featherbench.records.image import Image
from featherbench.system import subprocesses
from featherbench.unikernels.boot_file_check import faults
from featherbench.unikernels.description_loader import description_in
from featherbench.vm.image.disk import size_of_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from featherbench.contracts.image_description import Description, Make
    from featherbench.contracts.technology import BuildRequest

KERNEL = "kernel"
"""The name, in ${into}, of the kernel that a vendor's tool makes."""
VERSION_WITHIN_S = 60.0
STATED = "stated by the image's builder: "
COUNTED = "every file that the guest boots from; compressed: gzip of each"


def marks_of(files: Iterable[Path]) -> dict[str, list[int]]:
    """Return, by file, values that change when it is written: cheaper than its digest."""
    return {str(file): [file.stat().st_size, file.stat().st_mtime_ns] for file in files}


def _version(make: Make) -> str:
    done = subprocesses.run(make.version, timeout_s=VERSION_WITHIN_S)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def _make_kernel(make: Make, into: Path) -> tuple[Path, str]:
    """Run the vendor's tool; return the kernel and the tool's version. Raise ImageError."""
    command = [Template(word).substitute(into=str(into.resolve())) for word in make.command]
    try:
        version = _version(make)
        subprocesses.run(command, timeout_s=make.within_s)
    except CommandError as failure:
        raise ImageError(
            f"the image cannot be made: {failure.message}",
            remedy="run the description's `make.command` by hand, and correct what it reports",
        ) from failure
    kernel = into.resolve() / KERNEL
    if not kernel.exists():
        raise ImageError(
            f"`{' '.join(command)}` did not make {kernel}",
            remedy="have the description's `make.command` write ${into}/" + KERNEL,
        )
    return kernel, version


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
        raise ImageError(fault.what, remedy=fault.remedy)
    disks = [disk.path for disk in description.disks if disk.path]
    files = [kernel, *disks] if kernel else disks
    digests = {str(file): file_digest(file) for file in files}
    _require_stated_digests(description, kernel, digests)
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


def kernel_in(reference: Mapping[str, Any]) -> Path | None:
    """Return the kernel of a recorded image; None if it boots from its disk."""
    return Path(reference["kernel"]) if reference["kernel"] else None


def boot_files(reference: Mapping[str, Any]) -> list[Path]:
    """Return every file that a recorded image boots from."""
    return [Path(path) for path in reference["marks"]]
