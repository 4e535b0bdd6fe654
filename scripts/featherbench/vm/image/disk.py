# SPDX-License-Identifier: Apache-2.0
"""Disk images: a kernel, an initial RAM disk, and a disk made of a root file system."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.contracts.vm_runner import BootFiles
from featherbench.errors import CommandError, ImageError
from featherbench.files import digest, write_atomic
from featherbench.records.image import ImageSize
from featherbench.rootfs.archives import BLOCK_BYTES, compressed_bytes, files_layer, folder_bytes
from featherbench.system import subprocesses
from featherbench.units import MIB
from featherbench.vm.image import initrd
from featherbench.vm.image.overlay import add_overlay, overlay_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.technology import RootArchive

UNPACK_WITHIN_S = 300.0
MAKE_DISK_WITHIN_S = 300.0
HEADROOM_BYTES = 1024 * MIB
"""How much the guest may write in addition to the image; none of it is allocated."""
COUNTED = "kernel, initial RAM disk and disk (raw, sparse): their blocks, their lengths, their gzip"


def boot_files(reference: Mapping[str, str]) -> BootFiles:
    """Return the files of a recorded image. Raise ImageError if they are gone."""
    files = BootFiles(folder=Path(reference["folder"]))
    if not files.disk.exists():
        raise ImageError(
            f"the disk {files.disk} of the image is gone",
            remedy=f"rm -f {files.folder.with_suffix('.digest')}, and run again: it is rebuilt",
        )
    return files


def _unpack(archive: Path, tree: Path) -> None:
    """Unpack with the owners, modes, links and device nodes of the archive."""
    options = ["-x", "--numeric-owner", "-p", "--xattrs", "--xattrs-include=*"]
    subprocesses.run(
        ["tar", *options, f"--directory={tree}", f"--file={archive}"], timeout_s=UNPACK_WITHIN_S
    )


def _take_kernel(tree: Path, files: BootFiles) -> Path:
    """Move the kernel out of the tree, and return the folder of its modules.

    The rest of /boot is for boot loaders; it would only take room on the disk.
    """
    kernels = sorted(tree.glob("boot/vmlinuz-*"))
    if len(kernels) != 1:
        raise ImageError(
            f"the guest's root file system has {len(kernels)} kernels, where one was expected",
            remedy="see resources/rootfs/derived.yaml",
        )
    shutil.move(kernels[0], files.kernel)
    for file in tree.glob("boot/*"):
        file.unlink()
    return tree / "lib/modules" / kernels[0].name.removeprefix("vmlinuz-")


def _make_disk(tree: Path, disk: Path) -> None:
    """Make a disk of a tree, with room to write; the file stays sparse."""
    size_bytes = folder_bytes(tree)[0] + HEADROOM_BYTES
    with disk.open("wb") as file:
        file.truncate(-(-size_bytes // MIB) * MIB)
    subprocesses.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", str(tree), str(disk)],
        timeout_s=MAKE_DISK_WITHIN_S,
    )
    subprocesses.run(["fallocate", "--dig-holes", str(disk)], timeout_s=MAKE_DISK_WITHIN_S)


def _populate(root: RootArchive, layer: bytes, tree: Path, archive: Path) -> None:
    tree.mkdir()
    _unpack(root.tar, tree)
    if layer:
        archive.write_bytes(layer)
        _unpack(archive, tree)
        archive.unlink()
    add_overlay(tree)


def build(root: RootArchive, files: Mapping[str, bytes], into: Path) -> tuple[BootFiles, str]:
    """Make an image of a root file system with `files` (path → content); return it and its digest.

    Raise ImageError if it cannot be made.
    """
    image, tree, layer = BootFiles(folder=into.resolve()), into / "tree", files_layer(files)
    try:
        _populate(root, layer, tree, into / "files.tar")
        initrd_bytes = initrd.build(_take_kernel(tree, image), into)
        write_atomic(image.initrd, initrd_bytes)
        _make_disk(tree, image.disk)
    except CommandError as error:
        raise ImageError(
            f"the guest's disk cannot be made: {error.message}",
            remedy="make room on the disk that holds the results, and run again",
        ) from error
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    return image, digest(root.digest.encode(), layer, overlay_digest().encode(), initrd_bytes)


def size_of_files(files: Sequence[Path], *, counted: str) -> ImageSize:
    """Count the bytes of all files that a guest boots from; to compress them takes seconds."""
    compressed = 0
    for path in files:
        with path.open("rb") as file:
            compressed += compressed_bytes(file)
    return ImageSize(
        allocated_bytes=sum(path.stat().st_blocks for path in files) * BLOCK_BYTES,
        apparent_bytes=sum(path.stat().st_size for path in files),
        compressed_bytes=compressed,
        counted=counted,
    )
