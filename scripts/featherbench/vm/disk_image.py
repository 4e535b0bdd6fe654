# SPDX-License-Identifier: Apache-2.0
"""Disk images: a kernel, an initial RAM disk, and a disk made of a root file system.

featherbench's files are added to every guest: they read the seed, and start the service. The seed
is what a guest is given for one start, on a small disk: an archive, without a file system. The
kernel's command line is too short for it, and every process in the guest can read that.
"""

import shlex
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from featherbench.contracts.technology import RootArchive
from featherbench.contracts.vm_runner import BootFiles, GuestAddresses, boot_files_in
from featherbench.errors import CommandError, ImageError, remedy_of
from featherbench.files import digest, write_atomic
from featherbench.ownership import BENCHMARKING_NETWORK
from featherbench.paths import resource
from featherbench.records.instance import ImageSize
from featherbench.records.tuning import Tuning
from featherbench.rootfs.archives import (
    BLOCK_BYTES,
    compressed_bytes,
    files_layer,
    folder_bytes,
    unpack,
)
from featherbench.services.launcher import with_address
from featherbench.system import subprocesses
from featherbench.units import MIB
from featherbench.vm import initrd

MAKE_DISK_WITHIN_S = 300.0
HEADROOM_BYTES = 1024 * MIB
"""How much the guest may write in addition to the image; none of it is allocated."""
COUNTED = "kernel, initial RAM disk and disk (raw, sparse): their blocks, their lengths, their gzip"
FILES = resource("vm/tree")
UNITS = PurePosixPath("etc/systemd/system")
WANTED = ("featherbench-ready.service", "featherbench-setup.service", "featherbench.service")
"""Units that the guest starts."""
MASKED = (
    *("getty-static.service", "getty@tty1.service", "serial-getty@ttyS0.service"),
    "serial-getty@hvc0.service",  # would write between the reports on Xen's console
    # The address comes with the seed.
    *("systemd-network-generator.service", "systemd-networkd.service", "systemd-networkd.socket"),
)
"""Units that the guest does not start."""
LINKS = {str(UNITS / unit): "/dev/null" for unit in MASKED} | {
    str(UNITS / "multi-user.target.wants" / unit): f"../{unit}" for unit in WANTED
}
"""Links and their targets: made by code, since not every copy of a checkout keeps links."""


def boot_files(reference: Mapping[str, str]) -> BootFiles:
    """Return the files of a recorded image. Raise ImageError if they are gone."""
    files = boot_files_in(Path(reference["folder"]).resolve())
    if not files.disk.exists():
        raise ImageError(
            f"the disk {files.disk} of the image is gone",
            remedy=f"rm -f {files.folder.with_suffix('.digest')}, and run again: it is rebuilt",
        )
    return files


def _take_kernel(tree: Path, files: BootFiles) -> Path:
    """Move the kernel out of the tree, remove the rest of /boot, return the modules' folder."""
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


def _files() -> Sequence[Path]:
    return sorted(path for path in FILES.rglob("*") if path.is_file())


def _is_executable(file: Path) -> bool:
    return bool(file.stat().st_mode & stat.S_IXUSR)


def overlay_digest() -> str:
    """Return a digest of paths, contents and execute permissions, and of the links."""
    described = [part for link in sorted(LINKS.items()) for part in map(str.encode, link)]
    for path in _files():
        relative = str(path.relative_to(FILES)).encode()
        described += [relative, path.read_bytes(), b"x" if _is_executable(path) else b"-"]
    return digest(*described)


def add_overlay(tree: Path) -> None:
    """Copy the files into the tree, with modes that do not depend on the checkout."""
    for source in _files():
        target = tree / source.relative_to(FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        target.chmod(0o755 if _is_executable(source) else 0o644)
    for link, to in LINKS.items():
        (tree / link).parent.mkdir(parents=True, exist_ok=True)
        (tree / link).symlink_to(to)


def build(root: RootArchive, files: Mapping[str, bytes], into: Path) -> tuple[BootFiles, str]:
    """Make an image of a root and `files` (path → content), and its digest. Raise ImageError."""
    image, tree, layer = boot_files_in(into), into / "tree", files_layer(files)
    try:
        unpack(root.tar, layer, tree, "--xattrs", "--xattrs-include=*")
        add_overlay(tree)
        initrd_bytes = initrd.build(_take_kernel(tree, image), into)
        write_atomic(image.initrd, initrd_bytes)
        _make_disk(tree, image.disk)
    except CommandError as error:
        raise ImageError(
            f"the guest's disk cannot be made: {error.message}", remedy=remedy_of(error.message)
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


def seed_network(addresses: GuestAddresses) -> str:
    """Return the steps for `ip -batch` inside the guest."""
    steps = (
        "link set lo up",
        f"address add {addresses.with_prefix(addresses.guest)} dev eth0",
        "link set eth0 up",
        f"route add {BENCHMARKING_NETWORK} via {addresses.gateway}",
    )
    return "".join(f"{step}\n" for step in steps)


def seed_sysctls(tuning: Tuning) -> str:
    """Return a line `file=value` for each sysctl, the file relative to /proc/sys."""
    return "".join(
        f"{key.replace('.', '/')}={value}\n" for key, value in tuning.net_sysctls.items()
    )


def seed_service(command: Sequence[str], *, address: str, nofile: int | None) -> str:
    """Return shell code that sets the limit of open files, and the command as its arguments."""
    words = shlex.join(with_address(command, address))
    return f"nofile={nofile or ''}\nset -- {words}\n"


def seed_archive(files: Mapping[str, str]) -> bytes:
    """Return the disk's bytes: a whole number of its sectors, as archives are."""
    return files_layer({name: content.encode() for name, content in files.items()})
