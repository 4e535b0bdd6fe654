# SPDX-License-Identifier: Apache-2.0
"""Build a root file system that is derived from another, none of whose files changes."""

import hashlib
import shlex
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from featherbench.errors import ImageError
from featherbench.rootfs.archives import files_layer
from featherbench.rootfs.base import RootFilesystem, build_archive, read_versions
from featherbench.rootfs.descriptions import DerivedRootFilesystemSpec
from featherbench.rootfs.mmdebstrap import Customization

DATABASES = (
    *("./etc/group*", "./etc/gshadow*", "./etc/passwd*", "./etc/shadow*", "./etc/sub[gu]id*"),
    *("./etc/ld.so.cache", "./var/lib/apt/*", "./var/lib/dpkg/*"),
)
"""Files that the installation of any package may extend."""
INSTALL = (
    # As mmdebstrap does it itself: from outside, with the machine's own apt and its keys.
    'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -o DPkg::Chroot-Directory="$1"'
    " --yes --no-remove install"
)
REMOVE_HOST_KEYS = 'rm -f "$1"/etc/ssh/ssh_host_*'
"""All instances would share them."""


def _unpack_hook(base: Path) -> str:
    """Return the hook that unpacks the base; mmdebstrap has made the device nodes before."""
    tar = ["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--exclude=./dev/*"]
    return shlex.join([*tar, "--extract", "--file", str(base)]) + ' --directory "$1"'


def _systemctl(verb: str, units: Sequence[str]) -> Iterable[str]:
    if units:
        yield f'chroot "$1" systemctl {shlex.join([verb, *units])}'


def customization(
    spec: DerivedRootFilesystemSpec, *, base: Path, files: Path | None
) -> Customization:
    """Return what mmdebstrap adds to the archive `base`; `files` archives those of the spec."""
    return Customization(
        options=("--variant=custom", f"--setup-hook={_unpack_hook(base)}"),
        hooks=(
            f"{INSTALL} {shlex.join(spec.packages)}",
            *([shlex.join(["tar-in", str(files), "/"])] if files else []),
            *_systemctl("enable", spec.enabled),
            *_systemctl("mask", spec.masked),
            REMOVE_HOST_KEYS,
        ),
    )


def _files(tar: Path) -> Mapping[str, tuple[object, ...]]:
    """Map each file in an archive to its type, mode, owner, and content or link target."""
    files = {}
    with tarfile.open(tar) as archive:
        for entry in archive:
            reader = archive.extractfile(entry) if entry.isreg() else None
            content = hashlib.sha256(reader.read()).digest() if reader else entry.linkname
            files[entry.name] = (entry.type, entry.mode, entry.uid, entry.gid, content)
    return files


def changed_files(base: Path, derived: Path, *, may_change: Sequence[str]) -> list[str]:
    """Return the files of the archive `base` that are missing or different in `derived`.

    Names are those in the archives, beginning with `./`; `may_change` are patterns of such names.
    """
    files = _files(derived)
    return [
        name
        for name, properties in _files(base).items()
        if files.get(name) != properties
        and not any(fnmatchcase(name, pattern) for pattern in may_change)
    ]


def _check_versions_unchanged(base: Mapping[str, str], derived: Mapping[str, str]) -> None:
    changed = {
        package: derived.get(package, "none")
        for package in base
        if derived.get(package) != base[package]
    }
    if changed:
        listed = "; ".join(f"{name} {base[name]} to {changed[name]}" for name in sorted(changed))
        raise ImageError(
            "the package mirror has newer versions than the root file system that this one is"
            f" derived from: {listed}",
            remedy="rebuild the base: snakemake --cores 1 all --forcerun root_filesystem",
        )


def check_base_unchanged(base: Path, derived: Path, *, written: Iterable[str]) -> None:
    """Check that the archive `derived` contains `base`; `written` are absolute paths.

    Raises ImageError when a package has another version, or when a file changed that is neither
    `written` nor a database of dpkg and the like.
    """
    _check_versions_unchanged(read_versions(base), read_versions(derived))
    may_change = (*DATABASES, *(f".{path}" for path in written))
    if changed := changed_files(base, derived, may_change=may_change):
        raise ImageError(
            f"packages changed files of the base: {', '.join(sorted(changed)[:5])}",
            remedy="leave out the package that does, in resources/rootfs/derived.yaml",
        )


def _archived(files: Mapping[str, str], folder: Path) -> Path | None:
    if not files:
        return None
    archive = folder / "files.tar"
    archive.write_bytes(files_layer({path: text.encode() for path, text in files.items()}))
    return archive


def build_derived_root_filesystem(
    spec: DerivedRootFilesystemSpec, *, base: Path, tar: Path, log: Path
) -> RootFilesystem:
    """Build `tar` from `base`; see `build_archive`. Raise ImageError if something changed, too."""
    return build_archive(
        spec.suite,
        what=f"the root file system {spec.name!r} ({spec.suite})",
        tar=tar,
        log=log,
        customize=lambda folder: customization(
            spec, base=base.resolve(), files=_archived(spec.files, folder)
        ),
        check=lambda archive: check_base_unchanged(base, archive, written=spec.files),
    )
