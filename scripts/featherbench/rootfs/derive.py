# SPDX-License-Identifier: Apache-2.0
"""Makes a root file system over the archive of another, none of whose files changes."""

from __future__ import annotations

import hashlib
import shlex
import tarfile
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from featherbench.errors import ImageError
from featherbench.rootfs import mmdebstrap
from featherbench.rootfs.apt_sources import machine_sources, sources_of_suite
from featherbench.rootfs.archives import files_layer
from featherbench.rootfs.base import described, read_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from featherbench.rootfs.base import RootFilesystem
    from featherbench.rootfs.variants import RootVariantSpec

DATABASES = (
    *("./etc/group*", "./etc/gshadow*", "./etc/passwd*", "./etc/shadow*", "./etc/sub[gu]id*"),
    *("./etc/ld.so.cache", "./var/lib/apt/*", "./var/lib/dpkg/*"),
)
"""What every installation of a package may add to."""
INSTALL = (
    # As mmdebstrap does it itself: from outside, with the machine's own apt and its keys.
    'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -o DPkg::Chroot-Directory="$1"'
    " --yes --no-remove install"
)
FORGET = 'rm -f "$1"/etc/ssh/ssh_host_*'
"""Keys that every instance would share."""
BUILD_ANEW = "build the one below anew: snakemake --cores 1 all --forcerun root_filesystem"


def _unpacking(below: Path) -> str:
    """Give the hook that unpacks what is below; mmdebstrap has made the devices by then."""
    tar = ["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--exclude=./dev/*"]
    return shlex.join([*tar, "--extract", "--file", str(below)]) + ' --directory "$1"'


def _systemctl(verb: str, units: Sequence[str]) -> Iterable[str]:
    if units:
        yield f'chroot "$1" systemctl {shlex.join([verb, *units])}'


def variant_command(
    spec: RootVariantSpec,
    *,
    below: Path,
    tar: Path,
    sources: Path | None,
    keyrings: Path,
    files: Path | None,
) -> list[str]:
    """Give the command that makes `tar` over `below`; `files` archives those of the spec."""
    return mmdebstrap.command(
        spec.suite,
        tar=tar,
        sources=sources,
        keyrings=keyrings,
        options=["--variant=custom", f"--setup-hook={_unpacking(below)}"],
        hooks=[
            f"{INSTALL} {shlex.join(spec.packages)}",
            *([shlex.join(["tar-in", str(files), "/"])] if files else []),
            *_systemctl("enable", spec.enabled),
            *_systemctl("mask", spec.masked),
            FORGET,
        ],
    )


def _facts(tar: Path) -> Mapping[str, tuple[object, ...]]:
    """Map each file in an archive to all that must not change of it."""
    facts = {}
    with tarfile.open(tar) as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isreg() else None
            said = hashlib.sha256(content.read()).digest() if content else entry.linkname
            facts[entry.name] = (entry.type, entry.mode, entry.uid, entry.gid, said)
    return facts


def changed_files(below: Path, made: Path, *, may_change: Sequence[str]) -> list[str]:
    """List the files of the archive `below` that are gone or other in `made`.

    Names are as archives have them, beginning with `./`; `may_change` are patterns of such names.
    """
    after = _facts(made)
    return [
        name
        for name, facts in _facts(below).items()
        if after.get(name) != facts
        and not any(fnmatchcase(name, pattern) for pattern in may_change)
    ]


def _check_versions_kept(below: Mapping[str, str], made: Mapping[str, str]) -> None:
    changed = {name: made.get(name, "none") for name in below if made.get(name) != below[name]}
    if changed:
        listed = "; ".join(f"{name} {below[name]} to {changed[name]}" for name in sorted(changed))
        raise ImageError(
            f"the package mirror has moved on since the root file system below was built: {listed}",
            remedy=BUILD_ANEW,
        )


def check_kept(below: Path, made: Path, *, written: Iterable[str]) -> None:
    """Compare the archive `made` with the one it was made over; `written` are absolute paths.

    Raises ImageError when a package has another version by now, or when a file changed that is
    neither `written` nor one of dpkg's and the like.
    """
    _check_versions_kept(read_versions(below), read_versions(made))
    may_change = (*DATABASES, *(f".{path}" for path in written))
    if changed := changed_files(below, made, may_change=may_change):
        raise ImageError(
            f"packages changed what they were installed over: {', '.join(sorted(changed)[:5])}",
            remedy="leave out the package that does, in resources/rootfs/derived.yaml",
        )


def _archived(files: Mapping[str, str], into: Path) -> Path | None:
    if not files:
        return None
    archive = into / "files.tar"
    archive.write_bytes(files_layer({path: text.encode() for path, text in files.items()}))
    return archive


def build_root_variant(
    spec: RootVariantSpec, *, below: Path, tar: Path, log: Path
) -> RootFilesystem:
    """Make the archive `tar` over `below`, whole or not at all; what is said goes to `log`.

    The same packages give the same bytes. Raises ImageError when it cannot be built, or when
    something of `below` changed.
    """
    sources = sources_of_suite(spec.suite, machine_sources())
    with mmdebstrap.workshop(tar) as workshop:
        made = workshop / "root.tar"
        command = variant_command(
            spec,
            below=below.resolve(),
            tar=made,
            sources=mmdebstrap.source_list(spec.suite, sources, workshop),
            keyrings=mmdebstrap.collected_keyrings(workshop),
            files=_archived(spec.files, workshop),
        )
        what = f"the root file system {spec.name!r} ({spec.suite})"
        mmdebstrap.build(command, what=what, log=log, temporary=workshop)
        check_kept(below, made, written=spec.files)
        built = described(made, suite=spec.suite, sources=sources, log=log)
        made.replace(tar)
    return built
