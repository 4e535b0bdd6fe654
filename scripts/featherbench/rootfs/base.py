# SPDX-License-Identifier: Apache-2.0
"""Build the Debian root file system that nginx and Redis come from on every platform."""

import shlex
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from featherbench.contracts.technology import RootArchive
from featherbench.errors import RESULTS_DISK, ImageError
from featherbench.files import file_digest
from featherbench.paths import resource
from featherbench.records.base import Count, Record
from featherbench.records.job_specs import RootFilesystemSpec
from featherbench.rootfs import mmdebstrap
from featherbench.rootfs.archives import compressed_bytes
from featherbench.rootfs.mmdebstrap import (
    Customization,
    Source,
    installed_versions,
    machine_sources,
    sources_of_suite,
)
from featherbench.services import launcher as services
from featherbench.system import subprocesses

COMPILE_WITHIN_S = 60.0
DPKG_STATUS = "./var/lib/dpkg/status"
RECORDED = (
    *("nginx*", "redis*", "libnginx*", "libc6"),
    *("systemd", "iproute2", "linux-image*", "initramfs-tools", "udev"),
    *("docker.io", "containerd", "runc", "lxd", "lxcfs", "liblxc1", "openssh-server"),
)
"""Patterns of the packages whose versions are recorded."""
REMOVE_MACHINE_FILES = 'rm -f "$1"/etc/hostname "$1"/etc/resolv.conf'
"""mmdebstrap copies them from the building machine while packages are installed."""


class RootFilesystem(Record):
    """The record of a root file system that was built; `digest` is the SHA-256 of its archive."""

    digest: str
    suite: str
    versions: dict[str, str]
    size_bytes: Count
    compressed_bytes: Count
    sources: tuple[str, ...]
    build_log: str


def root_archive(record: Path) -> RootArchive:
    """Return the archive whose record is the file `record`; the archive lies beside it."""
    built = RootFilesystem.read(record)
    return RootArchive(
        tar=record.with_suffix(".tar"),
        digest=built.digest,
        versions=built.versions,
        compressed_bytes=built.compressed_bytes,
    )


def customization(packages: Mapping[str, str], *, programs: Sequence[Path]) -> Customization:
    """Return what mmdebstrap installs: `packages`, and `programs` for /usr/local/bin."""
    copy_in = shlex.join(["copy-in", *map(str, programs), str(Path(services.LAUNCHER).parent)])
    return mmdebstrap.Customization(
        options=("--variant=minbase", f"--include={','.join(sorted(packages))}"),
        hooks=(copy_in, REMOVE_MACHINE_FILES),
    )


def compile_program(source: Path, program: Path, *, what: str) -> Path:
    """Compile a static program, and return its path. Raise ImageError."""
    argv = ["gcc", "-Wall", "-Os", "-static", "-s", "-o", str(program), str(source)]
    remedy = "apt-get install gcc libc6-dev"
    failed = f"{what} cannot be compiled"
    with subprocesses.failure_as(ImageError, failed, remedy=remedy, place=RESULTS_DISK):
        subprocesses.run(argv, timeout_s=COMPILE_WITHIN_S)
    return program


def _programs(folder: Path) -> list[Path]:
    probe, launcher = (folder / Path(path).name for path in (services.PROBE, services.LAUNCHER))
    compile_program(resource("probe") / "probe.c", probe, what="the startup probe")
    shutil.copyfile(resource("rootfs/base") / launcher.name, launcher)
    launcher.chmod(0o755)
    return [probe, launcher]


def check_versions(pinned: Mapping[str, str], installed: Mapping[str, str]) -> None:
    """Compare versions with the pinned patterns, such as `1.22.1*`. Raise ImageError."""
    wrong = {
        package: installed.get(package, "none")
        for package, pattern in pinned.items()
        if not fnmatchcase(installed.get(package, ""), pattern)
    }
    if wrong:
        listed = "; ".join(f"{p} {v}, pinned: {pinned[p]}" for p, v in sorted(wrong.items()))
        raise ImageError(
            f"the package mirror has other versions than the pinned ones: {listed}",
            remedy="set root_filesystem.packages to the mirror's versions, or use a mirror or"
            " suite that has the pinned ones",
        )


def read_versions(tar: Path) -> Mapping[str, str]:
    """Return the versions of all packages in the archive of a root file system."""
    with tarfile.open(tar) as archive:
        status = archive.extractfile(DPKG_STATUS)
        assert status is not None, "Debian keeps the status of its packages in a regular file"
        return installed_versions(status.read().decode())


def _record(archive: Path, *, suite: str, sources: Sequence[Source], log: Path) -> RootFilesystem:
    with archive.open("rb") as file:
        compressed = compressed_bytes(file)
    return RootFilesystem(
        digest=file_digest(archive),
        suite=suite,
        versions={
            package: version
            for package, version in sorted(read_versions(archive).items())
            if any(fnmatchcase(package, pattern) for pattern in RECORDED)
        },
        size_bytes=archive.stat().st_size,
        compressed_bytes=compressed,
        sources=tuple(map(str, sources)),
        build_log=str(log),
    )


def build_archive(
    suite: str,
    *,
    what: str,
    tar: Path,
    log: Path,
    customize: Callable[[Path], Customization],
    check: Callable[[Path], None],
) -> RootFilesystem:
    """Build the archive `tar` with mmdebstrap, completely or not at all; output goes to `log`.

    `customize` gets a temporary folder for files that hooks read. `check` gets the finished archive
    and raises ImageError when it must not be used. On a Debian machine of that suite, packages come
    from the sources of the machine's own apt. The same packages give the same bytes. Raises
    ImageError when the build fails.
    """
    sources = sources_of_suite(suite, machine_sources())
    with mmdebstrap.temporary_folder(tar) as folder:
        archive = folder / "root.tar"
        command = mmdebstrap.command(
            suite,
            tar=archive,
            sources=mmdebstrap.source_list(suite, sources, folder),
            keyrings=mmdebstrap.collected_keyrings(folder),
            customization=customize(folder),
        )
        mmdebstrap.build(command, what=what, log=log, temporary=folder)
        check(archive)
        record = _record(archive, suite=suite, sources=sources, log=log)
        archive.replace(tar)
    return record


def build_root_filesystem(spec: RootFilesystemSpec, *, tar: Path, log: Path) -> RootFilesystem:
    """Build the archive `tar`; see `build_archive`. Raise ImageError for another version, too."""
    return build_archive(
        spec.suite,
        what=f"the root file system ({spec.suite})",
        tar=tar,
        log=log,
        customize=lambda folder: customization(spec.packages, programs=_programs(folder)),
        check=lambda archive: check_versions(spec.packages, read_versions(archive)),
    )
