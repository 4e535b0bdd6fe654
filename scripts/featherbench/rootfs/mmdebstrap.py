# SPDX-License-Identifier: Apache-2.0
"""Runs mmdebstrap: Debian packages in, an archive out, whose bytes the same packages give again."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, DeadlineError, ImageError
from featherbench.paths import resource
from featherbench.rootfs.archives import SOURCE_DATE_EPOCH
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.rootfs.apt_sources import Source

BUILD_WITHIN_S = 1_800.0
MACHINE_KEYRINGS = Path("/usr/share/keyrings")

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
TIDYING = (
    'rm -rf "$1"/run/* && install -d -m 1777 "$1"/run/lock "$1"/run/featherbench',
    # What the host's mirrors and the time of the build would leave in the bytes.
    'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*',
    'rm -rf "$1"/var/cache/apt "$1"/var/cache/debconf "$1"/var/log/*',
)


def command(
    suite: str,
    *,
    tar: Path,
    sources: Path | None,
    keyrings: Path,
    options: Sequence[str],
    hooks: Sequence[str],
) -> list[str]:
    """Give the command that builds `tar`; `hooks` customize it before it is tidied up.

    Without a list of `sources`, mmdebstrap uses Debian's own archive, and believes what is signed
    with a key of the folder `keyrings`.
    """
    return [
        "mmdebstrap",
        "--mode=root",
        "--format=tar",
        "--skip=cleanup/run",  # we empty it ourselves, and leave our folder there
        *([] if sources else [f"--keyring={keyrings}"]),
        *options,
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        *(f"--customize-hook={hook}" for hook in (*hooks, *TIDYING)),
        suite,
        str(tar),
        *([str(sources)] if sources else []),
    ]


def source_list(suite: str, sources: Sequence[Source], into: Path) -> Path | None:
    """Write `sources` to a file that mmdebstrap reads; None where there are none."""
    if not sources:
        return None
    file = into / f"{suite}.list"
    file.write_text("".join(f"{source}\n" for source in sources))
    return file


def collected_keyrings(into: Path) -> Path:
    """Collect the host's keys of Debian and ours: Ubuntu 22.04's are older than bookworm.

    mmdebstrap distrusts ours where the host has a keyring of Debian that is not in the folder.
    """
    folder = into / "keyrings"
    folder.mkdir()
    ours = resource("rootfs/base").glob("debian-*.asc")
    for keyring in (*ours, *MACHINE_KEYRINGS.glob("debian-archive-*.gpg")):
        shutil.copyfile(keyring, folder / keyring.name)
    return folder


@contextmanager
def workshop(tar: Path) -> Iterator[Path]:
    """Give an empty folder beside `tar`, removed afterwards; a broken build may have left one."""
    folder = tar.parent.resolve() / f".{tar.name}.build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ending_with_us(argv: Sequence[str]) -> list[str]:
    """Run in a process namespace of its own, so that no child of `argv` outlives us."""
    namespace = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    return subprocesses.with_parent_death_signal([*namespace, *argv])


def run_logged(argv: Sequence[str], *, log: Path, temporary: Path) -> None:
    """Run a long build whose output goes to `log` while it is made."""
    env = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), "TMPDIR": str(temporary)}
    build = subprocesses.start(_ending_with_us(argv), output=log, env=env)
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
        said = log.read_text(errors="replace")[-subprocesses.TAIL_CHARACTERS :]
        raise CommandError(argv, f"ended with status {build.returncode}", said.strip())


def _remedy(said: str, log: Path) -> str:
    if "No space left on device" in said:
        return "make room on the disk that holds the results: about 3 GB is needed"
    if "Unable to locate package" in said or "has no installation candidate" in said:
        return "name packages of that suite in root_filesystem.packages"
    return f"see {log}; check with `apt-get update` that this host reaches its package mirror"


def build(argv: Sequence[str], *, what: str, log: Path, temporary: Path) -> None:
    """Run the `command` that builds `what`. Raises ImageError, with the remedy, when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        run_logged(argv, log=log, temporary=temporary)
    except (CommandError, DeadlineError) as failure:
        raise ImageError(
            f"{what} cannot be built: {failure.message}",
            remedy=failure.remedy or _remedy(failure.message, log),
        ) from failure
