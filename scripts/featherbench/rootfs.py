# SPDX-License-Identifier: Apache-2.0
"""Builds the one Debian root file system that nginx and Redis come from on every platform."""

from __future__ import annotations

import shlex
import shutil
import tarfile
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import services, shell
from featherbench.apt import host_sources, installed_versions, sources_of_suite
from featherbench.errors import CommandError, DeadlineError, ImageError
from featherbench.files import file_digest
from featherbench.layers import SOURCE_DATE_EPOCH, compressed_bytes
from featherbench.record import Count, Record
from featherbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.apt import Source
    from featherbench.spec import RootFilesystemSpec

RESOURCES = Path(__file__).parents[2] / "resources"
BUILD_WITHIN_S = 1_800.0
COMPILE_WITHIN_S = 60.0
HOST_KEYRINGS = Path("/usr/share/keyrings")
DPKG_STATUS = "./var/lib/dpkg/status"
RECORDED = ("nginx*", "redis*", "libnginx*", "libc6")

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
TIDYING = (
    'rm -rf "$1"/run/* && install -d -m 1777 "$1"/run/lock "$1"/run/featherbench',
    # What the host's mirrors and the time of the build would leave in the bytes.
    'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*',
    'rm -rf "$1"/var/cache/apt "$1"/var/cache/debconf "$1"/var/log/*',
)


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
    """Give the command that builds `tar`; `added` are programs for /usr/local/bin.

    Without a list of `sources`, mmdebstrap uses Debian's own archive, and believes what is signed
    with a key of the folder `keyrings`.
    """
    copy_in = shlex.join(["copy-in", *map(str, added), str(Path(services.LAUNCHER).parent)])
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=tar",
        "--skip=cleanup/run",  # we empty it ourselves, and leave our folder there
        *([] if sources else [f"--keyring={keyrings}"]),
        f"--include={','.join(sorted(spec.packages))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        *(f"--customize-hook={hook}" for hook in (copy_in, *TIDYING)),
        spec.suite,
        str(tar),
        *([str(sources)] if sources else []),
    ]


def _ending_with_us(argv: Sequence[str]) -> list[str]:
    """Run in a process namespace of its own, so that no child of `argv` outlives us."""
    namespace = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    return shell.dying_with_us([*namespace, *argv])


def _run_logged(argv: Sequence[str], *, log: Path, temporary: Path) -> None:
    """Run a long build whose output goes to `log` while it is made."""
    env = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), "TMPDIR": str(temporary)}
    build = shell.start(_ending_with_us(argv), output=log, env=env)
    try:
        wait_until(
            lambda: build.poll() is not None,
            what="mmdebstrap",
            within_s=BUILD_WITHIN_S,
            every_s=0.1,
            remedy=f"see {log}; is the package mirror slow or out of reach?",
        )
    finally:
        build.kill()
        build.wait()
    if build.returncode != 0:
        said = log.read_text(errors="replace")[-shell.TAIL_CHARACTERS :]
        raise CommandError(argv, f"ended with status {build.returncode}", said.strip())


def _remedy(said: str, log: Path) -> str:
    if "No space left on device" in said:
        return "make room on the disk that holds the results: about 1 GB is needed"
    if "Unable to locate package" in said or "has no installation candidate" in said:
        return "name packages of that suite in root_filesystem.packages"
    return f"see {log}; check with `apt-get update` that this host reaches its package mirror"


def _compile_probe(into: Path) -> Path:
    probe = into / Path(services.PROBE).name
    source = RESOURCES / "probe" / "probe.c"
    try:
        shell.run(
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
    shutil.copyfile(RESOURCES / "rootfs" / launcher.name, launcher)
    launcher.chmod(0o755)
    return launcher


def _source_list(suite: str, sources: Sequence[Source], into: Path) -> Path | None:
    if not sources:
        return None
    file = into / f"{suite}.list"
    file.write_text("".join(f"{source}\n" for source in sources))
    return file


def _keyrings(into: Path) -> Path:
    """Collect the host's keys of Debian and ours: Ubuntu 22.04's are older than bookworm.

    mmdebstrap distrusts ours where the host has a keyring of Debian that is not in the folder.
    """
    folder = into / "keyrings"
    folder.mkdir()
    ours = (RESOURCES / "rootfs").glob("debian-*.asc")
    for keyring in (*ours, *HOST_KEYRINGS.glob("debian-archive-*.gpg")):
        shutil.copyfile(keyring, folder / keyring.name)
    return folder


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


@contextmanager
def _workshop(tar: Path) -> Iterator[Path]:
    """Give an empty folder beside `tar`, removed afterwards; a broken build may have left one."""
    folder = tar.with_name(f".{tar.name}.build")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(
    spec: RootFilesystemSpec, sources: Sequence[Source], *, workshop: Path, log: Path
) -> Path:
    made = workshop / "root.tar"
    command = mmdebstrap_command(
        spec,
        tar=made,
        sources=_source_list(spec.suite, sources, workshop),
        keyrings=_keyrings(workshop),
        added=[_compile_probe(workshop), _launcher(workshop)],
    )
    try:
        _run_logged(command, log=log, temporary=workshop)
    except (CommandError, DeadlineError) as failure:
        raise ImageError(
            f"the root file system ({spec.suite}) cannot be built: {failure.message}",
            remedy=failure.remedy or _remedy(failure.message, log),
        ) from failure
    return made


def _compressed_bytes_of(tar: Path) -> int:
    with tar.open("rb") as file:
        return compressed_bytes(file)


def build_root_filesystem(spec: RootFilesystemSpec, *, tar: Path, log: Path) -> RootFilesystem:
    """Build the archive `tar`, whole or not at all; what mmdebstrap says goes to `log`.

    The same packages give the same bytes. On a Debian host of that suite they come from where the
    host's own apt gets them. Raises ImageError when it cannot be built, or when a package has
    another version than the pinned one.
    """
    sources = sources_of_suite(spec.suite, host_sources())
    log.parent.mkdir(parents=True, exist_ok=True)
    with _workshop(tar) as workshop:
        made = _build(spec, sources, workshop=workshop.resolve(), log=log)
        versions = read_versions(made)
        check_versions(spec.packages, versions)
        built = RootFilesystem(
            digest=file_digest(made),
            suite=spec.suite,
            versions=_recorded(versions),
            size_bytes=made.stat().st_size,
            compressed_bytes=_compressed_bytes_of(made),
            sources=tuple(map(str, sources)),
            build_log=str(log),
        )
        made.replace(tar)
    return built
