# SPDX-License-Identifier: Apache-2.0
"""What images are made of: archives laid one over the other, and how many bytes they take."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from zlib_ng import zlib_ng

from featherbench.files import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from featherbench.system.machine import Machine

SOURCE_DATE_EPOCH = 1_672_531_200
"""The time that every file of ours bears, so that the same content gives the same bytes."""

GZIP_LEVEL = 6
GZIP_WINDOW = 31
"""For zlib-ng: the largest window, with gzip's header."""
BLOCK_BYTES = 512
"""The unit of `st_blocks`, whatever the file system's; see stat(2)."""
COUNT_WITHIN_S = 120.0


def _entry(name: str, *, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = mode, SOURCE_DATE_EPOCH
    return entry


def files_layer(files: Mapping[str, bytes]) -> bytes:
    """Archive `files` (absolute path → content) and the folders above them, owned by root.

    The same files give the same bytes; no files give none.
    """
    if not files:
        return b""
    contents = {path.strip("/"): content for path, content in files.items()}
    folders = {str(above) for path in contents for above in PurePosixPath(path).parents} - {"."}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(folders):
            entry = _entry(folder, mode=0o755)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for path, content in sorted(contents.items()):
            entry = _entry(path, mode=0o644)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def flattened(root_tar: Path, layer: bytes) -> Iterator[bytes]:
    """Give the chunks of one archive: that of a root file system, and a layer over it.

    Whoever unpacks it takes a path that is there twice from the layer.
    """
    with tarfile.open(root_tar) as archive:
        archive.getmembers()
        end = archive.offset
    with root_tar.open("rb") as file:
        while end and (chunk := file.read(min(CHUNK_BYTES, end))):
            end -= len(chunk)
            yield chunk
    yield layer


def compressed_bytes(file: IO[bytes]) -> int:
    """Count the bytes of a file once gzipped (level 6), as layers travel to and from registries.

    zlib-ng needs a third of the time of zlib, for 2 to 3 % more bytes.
    """
    gzip = zlib_ng.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW)
    total = 0
    while chunk := file.read(CHUNK_BYTES):
        total += len(gzip.compress(chunk))
    return total + len(gzip.flush())


def image_compressed_bytes(root_tar: Path, root_compressed: int | None, layer: bytes) -> int:
    """Count the gzipped bytes of an image's two layers; the root's are counted if not known."""
    if root_compressed is None:
        with root_tar.open("rb") as file:
            root_compressed = compressed_bytes(file)
    return root_compressed + (compressed_bytes(io.BytesIO(layer)) if layer else 0)


def folder_bytes(*folders: Path) -> tuple[int, int]:
    """Count the bytes that folders allocate on the disk, and the sizes of their regular files.

    A file with several names counts once.
    """
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            found[status.st_dev, status.st_ino] = (status.st_blocks * BLOCK_BYTES, size)
    return sum(each[0] for each in found.values()), sum(each[1] for each in found.values())


def bytes_on(machine: Machine, folders: Sequence[Path], *, apparent: bool = False) -> int:
    """Count what folders of `node` allocate on its disk or, `apparent`, the sizes of what is there.

    A file with several names counts once. Raises CommandError when a folder cannot be read.
    """
    argv = ["du", "--summarize", "--total", "--block-size=1"]
    how = ["--apparent-size"] if apparent else []
    counted = machine.run([*argv, *how, *map(str, folders)], timeout_s=COUNT_WITHIN_S)
    return int(counted.stdout.split()[-2])
