# SPDX-License-Identifier: Apache-2.0
"""The archives that images consist of, and how many bytes they take."""

import io
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from zlib_ng import zlib_ng

from featherbench.clock import now_utc
from featherbench.contracts.technology import BuildRequest, RootArchive
from featherbench.files import CHUNK_BYTES
from featherbench.records.instance import Image, ImageSize
from featherbench.system import subprocesses
from featherbench.system.machine import Machine

SOURCE_DATE_EPOCH = 1_672_531_200
"""The time of every file in an archive, so that the same content gives the same bytes."""

GZIP_LEVEL = 6
GZIP_WINDOW = 31
"""For zlib-ng: the largest window, with gzip's header."""
BLOCK_BYTES = 512
"""The unit of `st_blocks`, whatever the file system's; see stat(2)."""
UNPACK_WITHIN_S = 300.0
COUNT_WITHIN_S = 120.0


def _entry(name: str, *, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = mode, SOURCE_DATE_EPOCH
    return entry


def files_layer(files: Mapping[str, bytes]) -> bytes:
    """Return a reproducible archive of `files` (absolute path → content); empty without files."""
    if not files:
        return b""
    contents = {path.strip("/"): content for path, content in files.items()}
    folders = {str(folder) for path in contents for folder in PurePosixPath(path).parents} - {"."}
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


def unpack(root_tar: Path, layer: bytes, tree: Path, *options: str) -> None:
    """Unpack both into the new folder `tree`, the layer last, with owners, modes and devices."""
    tree.mkdir()
    with tempfile.NamedTemporaryFile(dir=tree.parent, suffix=".tar") as archive:
        archive.write(layer)
        archive.flush()
        for tar in (root_tar, *([archive.name] if layer else [])):
            argv = ["tar", "-x", "--numeric-owner", "-p", *options, f"--directory={tree}"]
            subprocesses.run([*argv, f"--file={tar}"], timeout_s=UNPACK_WITHIN_S)


def merged_archive(root_tar: Path, layer: bytes) -> Iterator[bytes]:
    """Yield the chunks of one archive: a root file system, and a layer that replaces its files."""
    with tarfile.open(root_tar) as archive:
        archive.getmembers()
        end = archive.offset
    with root_tar.open("rb") as file:
        while end and (chunk := file.read(min(CHUNK_BYTES, end))):
            end -= len(chunk)
            yield chunk
    yield layer


def compressed_bytes(file: IO[bytes]) -> int:
    """Count the bytes of a file after gzip (level 6), which registries transfer layers in.

    zlib-ng takes a third of zlib's time, for 2 to 3 % more bytes.
    """
    gzip = zlib_ng.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW)
    total = 0
    while chunk := file.read(CHUNK_BYTES):
        total += len(gzip.compress(chunk))
    return total + len(gzip.flush())


def image_record(
    request: BuildRequest,
    root: RootArchive,
    *,
    technology: str,
    digest: str,
    reference: dict[str, str],
    layer: bytes,
    allocated_bytes: int,
    apparent_bytes: int,
    counted: str,
    build_log: str,
) -> Image:
    """Return the record of an image of `root` and `layer`, its service's files."""
    compressed = compressed_bytes(io.BytesIO(layer)) if layer else 0
    return Image(
        technology=technology,
        service=request.service,
        digest=digest,
        reference=reference,
        size=ImageSize(
            allocated_bytes=allocated_bytes,
            apparent_bytes=apparent_bytes,
            compressed_bytes=root.compressed_bytes + compressed,
            counted=counted,
        ),
        versions=dict(root.versions),
        built_utc=now_utc(),
        build_log=build_log,
    )


def folder_bytes(*folders: Path) -> tuple[int, int]:
    """Return what folders allocate, and the sizes of their files; hard links count once."""
    inodes = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            inodes[status.st_dev, status.st_ino] = (status.st_blocks * BLOCK_BYTES, size)
    return sum(blocks for blocks, _ in inodes.values()), sum(size for _, size in inodes.values())


def disk_usage(machine: Machine, folders: Sequence[Path]) -> int:
    """Return what folders of `machine` allocate. Raise CommandError."""
    argv = ["du", "--summarize", "--total", "--block-size=1", *map(str, folders)]
    return int(machine.run(argv, timeout_s=COUNT_WITHIN_S).stdout.split()[-2])


def file_bytes(machine: Machine, folder: Path) -> int:
    """Return the sizes of the files in a folder of `machine`, as `folder_bytes` counts them."""
    argv = ["find", str(folder), "-type", "f", "-printf", r"%D:%i %s\n"]
    inodes = set(machine.run(argv, timeout_s=COUNT_WITHIN_S).stdout.splitlines())
    return sum(int(line.split()[1]) for line in inodes)
