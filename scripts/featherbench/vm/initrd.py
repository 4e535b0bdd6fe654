# SPDX-License-Identifier: Apache-2.0
"""The guests' initial RAM disk: a static program, and the modules that it needs for its disk.

Debian's own looks for disks and file systems of every kind, which takes seconds, and more under
software emulation; this one takes milliseconds.
"""

import io
import lzma
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from featherbench.paths import resource
from featherbench.rootfs.base import compile_program

SOURCE = resource("vm/init.c")
MODULES = {
    "modules": ("virtio_pci", "virtio_blk", "virtio_net", "virtio_balloon", "ext4"),
    "modules.xen": ("xen_blkfront", "xen_netfront", "ext4"),
}
"""The modules that a guest needs to start, under QEMU and under Xen, by the file that lists them;
udev, if the guest has it, loads the rest."""
FOLDERS = ("dev", "proc", "root", "sys")
MAGIC = "070701"
TRAILER = "TRAILER!!!"


def _name_of(path: str) -> str:
    """Return a module's name; its file may have `-` for `_`."""
    return PurePosixPath(path).name.partition(".")[0].replace("-", "_")


def load_order(modules_dep: str, modules: tuple[str, ...]) -> list[str]:
    """Return the files of the modules and of their dependencies, each after what it needs.

    `modules_dep` is depmod's file of that name; see modules.dep(5). Modules that it does not name
    are built into the kernel.
    """
    rows = (line.partition(":") for line in modules_dep.splitlines())
    needs = {path: after.split() for path, _, after in rows}
    file_of = {_name_of(path): path for path in needs}
    order: dict[str, None] = {}

    def take(path: str) -> None:
        for needed in needs[path]:
            take(needed)
        order[path] = None

    for name in modules:
        if name in file_of:
            take(file_of[name])
    return list(order)


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 4)


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    """Return one file in the format `newc`; see the kernel's buffer-format.rst."""
    encoded = name.encode() + b"\0"
    links, size = 1, len(content)
    fields = (number, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(encoded), 0)
    header = MAGIC + "".join(f"{field:08x}" for field in fields)
    return _padded(header.encode() + encoded) + _padded(content)


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a reproducible RAM disk with FOLDERS and executable `files` (path → content)."""
    written = io.BytesIO()
    entries = [(name, stat.S_IFDIR | 0o755, b"") for name in FOLDERS]
    entries += [(name, stat.S_IFREG | 0o755, content) for name, content in files.items()]
    entries.append((TRAILER, 0, b""))
    for number, (name, mode, content) in enumerate(entries, start=1):
        written.write(_entry(number, name, mode, content))
    return written.getvalue()


def _modules(folder: Path, modules: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for path in load_order((folder / "modules.dep").read_text(encoding="utf-8"), modules):
        content = (folder / path).read_bytes()
        name = PurePosixPath(path)
        yield (
            name.name.removesuffix(".xz"),
            lzma.decompress(content) if name.suffix == ".xz" else content,
        )


def build(modules: Path, work_folder: Path) -> bytes:
    """Build one for the kernel whose modules are in the folder `modules`. Raise ImageError."""
    init = compile_program(SOURCE, work_folder / "init", what="the guest's first program")
    files = {"init": init.read_bytes()}
    for list_name, needed in MODULES.items():
        module_files = dict(_modules(modules, needed))
        files |= module_files
        files[list_name] = "".join(f"/{module}\n" for module in module_files).encode()
    return archive(files)
