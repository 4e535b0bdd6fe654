# SPDX-License-Identifier: Apache-2.0
"""Builds the one Debian root file system that nginx and Redis come from on every platform."""

from __future__ import annotations

import shlex
import shutil
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, ImageError
from featherbench.files import file_digest
from featherbench.paths import resource
from featherbench.records.base import Count, Record
from featherbench.rootfs import mmdebstrap
from featherbench.rootfs.apt_sources import installed_versions, machine_sources, sources_of_suite
from featherbench.rootfs.archives import compressed_bytes
from featherbench.services import launcher as services
from featherbench.system import subprocesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.records.job_specs import RootFilesystemSpec
    from featherbench.rootfs.apt_sources import Source

COMPILE_WITHIN_S = 60.0
DPKG_STATUS = "./var/lib/dpkg/status"
RECORDED = (
    *("nginx*", "redis*", "libnginx*", "libc6"),
    *("systemd", "iproute2", "linux-image*", "initramfs-tools", "udev"),
    *("docker.io", "containerd", "runc", "lxd", "lxcfs", "liblxc1", "openssh-server"),
)


FORGET_MACHINE = 'rm -f "$1"/etc/hostname "$1"/etc/resolv.conf'
"""The machine's own, which mmdebstrap lends the packages while they are installed."""


class RootFilesystem(Record):
    """A built root file system. `digest` is the SHA-256 of its archive."""

    digest: str
    suite: str
    versions: dict[str, str]
    size_bytes: Count
    compressed_bytes: Count
    sources: tuple[str, ...]
    build_log: str


def mmdebstrap_command(
    spec: RootFilesystemSpec,
    *,
    tar: Path,
    sources: Path | None,
    keyrings: Path,
    added: Sequence[Path],
) -> list[str]:
    """Give the command that builds `tar`; `added` are programs for /usr/local/bin."""
    copy_in = shlex.join(["copy-in", *map(str, added), str(Path(services.LAUNCHER).parent)])
    return mmdebstrap.command(
        spec.suite,
        tar=tar,
        sources=sources,
        keyrings=keyrings,
        options=["--variant=minbase", f"--include={','.join(sorted(spec.packages))}"],
        hooks=[copy_in, FORGET_MACHINE],
    )


def _compile_probe(into: Path) -> Path:
    probe = into / Path(services.PROBE).name
    source = resource("probe") / "probe.c"
    try:
        subprocesses.run(
            ["gcc", "-Wall", "-Os", "-static", "-s", "-o", str(probe), str(source)],
            timeout_s=COMPILE_WITHIN_S,
        )
    except CommandError as failure:
        raise ImageError(
            f"the startup probe cannot be compiled: {failure.message}",
            remedy="apt-get install gcc libc6-dev",
        ) from failure
    return probe


def _launcher(into: Path) -> Path:
    launcher = into / Path(services.LAUNCHER).name
    shutil.copyfile(resource("rootfs/base") / launcher.name, launcher)
    launcher.chmod(0o755)
    return launcher


def check_versions(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare the versions found with the patterns wanted, such as `1.22.1*`.

    Raises ImageError, saying what was found, when one does not match.
    """
    wrong = {
        package: found.get(package, "none")
        for package, pattern in wanted.items()
        if not fnmatchcase(found.get(package, ""), pattern)
    }
    if wrong:
        listed = "; ".join(f"{p} {v}, wanted {wanted[p]}" for p, v in sorted(wrong.items()))
        raise ImageError(
            f"the package mirror gave other versions than the pinned ones: {listed}",
            remedy="set root_filesystem.packages to the versions found, or use a mirror or suite"
            " that has the pinned ones",
        )


def read_versions(tar: Path) -> Mapping[str, str]:
    """Give the versions of all packages in the archive of a root file system."""
    with tarfile.open(tar) as archive:
        status = archive.extractfile(DPKG_STATUS)
        assert status is not None, "Debian keeps the status of its packages in a regular file"
        return installed_versions(status.read().decode())


def _recorded(versions: Mapping[str, str]) -> dict[str, str]:
    return {
        package: version
        for package, version in sorted(versions.items())
        if any(fnmatchcase(package, pattern) for pattern in RECORDED)
    }


def _compressed_bytes_of(tar: Path) -> int:
    with tar.open("rb") as file:
        return compressed_bytes(file)


def described(made: Path, *, suite: str, sources: Sequence[Source], log: Path) -> RootFilesystem:
    """Record what the archive `made` is."""
    return RootFilesystem(
        digest=file_digest(made),
        suite=suite,
        versions=_recorded(read_versions(made)),
        size_bytes=made.stat().st_size,
        compressed_bytes=_compressed_bytes_of(made),
        sources=tuple(map(str, sources)),
        build_log=str(log),
    )


def build_root_filesystem(spec: RootFilesystemSpec, *, tar: Path, log: Path) -> RootFilesystem:
    """Build the archive `tar`, whole or not at all; what mmdebstrap says goes to `log`.

    The same packages give the same bytes. On a Debian host of that suite they come from where the
    host's own apt gets them. Raises ImageError when it cannot be built, or when a package has
    another version than the pinned one.
    """
    sources = sources_of_suite(spec.suite, machine_sources())
    with mmdebstrap.workshop(tar) as workshop:
        made = workshop / "root.tar"
        command = mmdebstrap_command(
            spec,
            tar=made,
            sources=mmdebstrap.source_list(spec.suite, sources, workshop),
            keyrings=mmdebstrap.collected_keyrings(workshop),
            added=[_compile_probe(workshop), _launcher(workshop)],
        )
        what = f"the root file system ({spec.suite})"
        mmdebstrap.build(command, what=what, log=log, temporary=workshop)
        check_versions(spec.packages, read_versions(made))
        built = described(made, suite=spec.suite, sources=sources, log=log)
        made.replace(tar)
    return built
