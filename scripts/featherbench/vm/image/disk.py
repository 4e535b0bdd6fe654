# SPDX-License-Identifier: Apache-2.0
"""What a guest boots from: a kernel, an initial RAM disk, and a disk made of a root file system."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, ImageError
from featherbench.files import digest, write_atomic
from featherbench.records.image import ImageSize
from featherbench.rootfs.archives import BLOCK_BYTES, compressed_bytes, files_layer, folder_bytes
from featherbench.system import subprocesses
from featherbench.units import MIB
from featherbench.vm.image import initrd
from featherbench.vm.image.overlay import add_layer, layer_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.contracts.technology import RootArchive

UNPACK_WITHIN_S = 300.0
MAKE_DISK_WITHIN_S = 300.0
HEADROOM_BYTES = 1024 * MIB
"""What the guest may write beyond the image; nothing is allocated for it."""
COUNTED = "kernel, initial RAM disk and disk (raw, sparse): their blocks, their lengths, their gzip"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The files of an image, in its folder. AppArmor's profile for libvirt knows the suffixes."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """The kernel, as Debian's package has it."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Our initial RAM disk."""
        return self.folder / "initrd.img"

    @property
    def disk(self) -> Path:
        """The root file system, as a raw disk without partitions."""
        return self.folder / "disk.raw"

    @property
    def reference(self) -> dict[str, str]:
        """What the image's record keeps."""
        return {"folder": str(self.folder)}


def parts_of(reference: Mapping[str, str]) -> Parts:
    """Find the files again. Raises ImageError when they are gone."""
    parts = Parts(folder=Path(reference["folder"]))
    if not parts.disk.exists():
        raise ImageError(
            f"the disk {parts.disk} of the image is gone",
            remedy=f"rm -f {parts.folder.with_suffix('.digest')}, and run again: it is built anew",
        )
    return parts


def _unpack(archive: Path, tree: Path) -> None:
    """Unpack with owners, modes, links and device nodes as they are in the archive."""
    options = ["-x", "--numeric-owner", "-p", "--xattrs", "--xattrs-include=*"]
    subprocesses.run(
        ["tar", *options, f"--directory={tree}", f"--file={archive}"], timeout_s=UNPACK_WITHIN_S
    )


def _take_kernel(tree: Path, parts: Parts) -> Path:
    """Move the kernel out of the tree, and give the folder of its modules.

    What else is in /boot is for boot loaders, and would take room on the disk for nothing.
    """
    kernels = sorted(tree.glob("boot/vmlinuz-*"))
    if len(kernels) != 1:
        raise ImageError(
            f"the guest's root file system has {len(kernels)} kernels, where one was expected",
            remedy="see resources/rootfs/derived.yaml",
        )
    shutil.move(kernels[0], parts.kernel)
    for left in tree.glob("boot/*"):
        left.unlink()
    return tree / "lib/modules" / kernels[0].name.removeprefix("vmlinuz-")


def _make_disk(tree: Path, disk: Path) -> None:
    """Make a disk of a tree, with room to write; holes stay holes."""
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
    add_layer(tree)


def build(root: RootArchive, files: Mapping[str, bytes], into: Path) -> tuple[Parts, str]:
    """Make an image of a root file system with `files` (path → content); give it and its digest.

    Raises ImageError when it cannot be made.
    """
    parts, tree, layer = Parts(folder=into.resolve()), into / "tree", files_layer(files)
    try:
        _populate(root, layer, tree, into / "files.tar")
        first = initrd.build(_take_kernel(tree, parts), into)
        write_atomic(parts.initrd, first)
        _make_disk(tree, parts.disk)
    except CommandError as failure:
        raise ImageError(
            f"the guest's disk cannot be made: {failure.message}",
            remedy="make room on the disk that holds the results, and run again",
        ) from failure
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    return parts, digest(root.digest.encode(), layer, layer_digest().encode(), first)


def size_of(parts: Parts) -> ImageSize:
    """Count the bytes of all that the guest boots from; to compress them takes seconds."""
    files = (parts.kernel, parts.initrd, parts.disk)
    compressed = 0
    for each in files:
        with each.open("rb") as file:
            compressed += compressed_bytes(file)
    return ImageSize(
        allocated_bytes=sum(each.stat().st_blocks for each in files) * BLOCK_BYTES,
        apparent_bytes=sum(each.stat().st_size for each in files),
        compressed_bytes=compressed,
        counted=COUNTED,
    )
