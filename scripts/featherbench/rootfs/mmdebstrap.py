# SPDX-License-Identifier: Apache-2.0
"""Run mmdebstrap: it makes an archive of Debian packages, the same bytes from the same packages."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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

EXCLUDED_PATHS = [f"/usr/share/{folder}/*" for folder in ("doc", "man", "info", "locale")]
CLEANUP_HOOKS = (
    'rm -rf "$1"/run/* && install -d -m 1777 "$1"/run/lock "$1"/run/featherbench',
    # What the machine's mirrors and the time of the build would leave in the bytes.
    'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*',
    'rm -rf "$1"/var/cache/apt "$1"/var/cache/debconf "$1"/var/log/*',
)


class Customization(NamedTuple):
    """What goes into an archive: options of mmdebstrap, and hooks that run before the cleanup."""

    options: tuple[str, ...]
    hooks: tuple[str, ...]


def command(
    suite: str,
    *,
    tar: Path,
    sources: Path | None,
    keyrings: Path,
    customization: Customization,
) -> list[str]:
    """Return the command that builds `tar`.

    Without a list of `sources`, mmdebstrap uses Debian's own archive, and trusts what is signed
    with a key of the folder `keyrings`.
    """
    return [
        "mmdebstrap",
        "--mode=root",
        "--format=tar",
        "--skip=cleanup/run",  # a hook empties it, and leaves a folder there
        *([] if sources else [f"--keyring={keyrings}"]),
        *customization.options,
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED_PATHS),
        *(f"--customize-hook={hook}" for hook in (*customization.hooks, *CLEANUP_HOOKS)),
        suite,
        str(tar),
        *([str(sources)] if sources else []),
    ]


def source_list(suite: str, sources: Sequence[Source], folder: Path) -> Path | None:
    """Write `sources` to a file that mmdebstrap reads; return None when there are none."""
    if not sources:
        return None
    file = folder / f"{suite}.list"
    file.write_text("".join(f"{source}\n" for source in sources))
    return file


def collected_keyrings(folder: Path) -> Path:
    """Collect Debian's keys of the machine and of this repository in one folder below `folder`.

    Ubuntu 22.04's are older than bookworm. mmdebstrap distrusts the repository's keys when the
    machine has a keyring of Debian that is not in the folder.
    """
    keyrings = folder / "keyrings"
    keyrings.mkdir()
    packaged = resource("rootfs/base").glob("debian-*.asc")
    for keyring in (*packaged, *MACHINE_KEYRINGS.glob("debian-archive-*.gpg")):
        shutil.copyfile(keyring, keyrings / keyring.name)
    return keyrings


@contextmanager
def temporary_folder(tar: Path) -> Iterator[Path]:
    """Make an empty folder beside `tar`, removed afterwards, and before if a build left it."""
    folder = tar.parent.resolve() / f".{tar.name}.build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_logged(argv: Sequence[str], *, log: Path, temporary: Path) -> None:
    """Run a long build; its output goes to `log` as it is written."""
    env = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), "TMPDIR": str(temporary)}
    # In a process namespace of its own, so that no child of `argv` outlives this process.
    namespace = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    whole = subprocesses.with_parent_death_signal([*namespace, *argv])
    process = subprocesses.start(whole, output=log, env=env)
    try:
        wait_until(
            lambda: process.poll() is not None,
            what="mmdebstrap",
            within_s=BUILD_WITHIN_S,
            every_s=0.1,
            remedy=f"see {log}; is the package mirror slow or out of reach?",
        )
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        output = log.read_text(errors="replace")[-subprocesses.TAIL_CHARACTERS :]
        raise CommandError(argv, f"ended with status {process.returncode}", output.strip())


def _remedy(message: str, log: Path) -> str:
    if "No space left on device" in message:
        return "make room on the disk that holds the results: about 3 GB is needed"
    if "Unable to locate package" in message or "has no installation candidate" in message:
        return "name packages of that suite in root_filesystem.packages"
    return f"see {log}; check with `apt-get update` that this machine reaches its package mirror"


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
