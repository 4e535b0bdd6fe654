# SPDX-License-Identifier: Apache-2.0
"""Copies the files of images to dom0, once for each version; they stay sparse."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, InstanceError
from featherbench.files import canonical_json, digest
from featherbench.system import subprocesses
from featherbench.system.machine import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from featherbench.system.machine import Machine

CACHE = Path("/var/lib/featherbench/images")
NAME_CHARACTERS = 16
PACK_WITHIN_S = 300.0
STEP_WITHIN_S = 60.0


def cached_path(file: Path) -> Path:
    """Return the path of the copy in dom0 of this version of a file."""
    status = file.stat()
    version = canonical_json([status.st_size, status.st_mtime_ns])
    names = (digest(part.encode())[:NAME_CHARACTERS] for part in (str(file.resolve()), version))
    return CACHE.joinpath(*names, file.name)


def _is_copied(dom0: Machine, copy: Path) -> bool:
    done = dom0.run(["test", "-e", str(copy)], timeout_s=STEP_WITHIN_S, check=False)
    return done.exit_status == 0


def _copy(dom0: Machine, file: Path, copy: Path) -> None:
    """Replace the old version of a file; the copy has its name only once it is complete."""
    incoming = copy.parent.with_suffix(".part")
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tar") as packed:
        pack = ["tar", "--create", "--sparse", f"--file={packed.name}"]
        subprocesses.run([*pack, f"--directory={file.parent}", file.name], timeout_s=PACK_WITHIN_S)
        dom0.run(["rm", "-rf", str(copy.parent.parent)], timeout_s=STEP_WITHIN_S)
        dom0.run(["mkdir", "-p", str(incoming)], timeout_s=STEP_WITHIN_S)
        dom0.put(Path(packed.name), incoming / "packed.tar")
    unpack = ["tar", "--extract", f"--directory={incoming}", f"--file={incoming / 'packed.tar'}"]
    dom0.run(unpack, timeout_s=PACK_WITHIN_S)
    dom0.run(["rm", str(incoming / "packed.tar")], timeout_s=STEP_WITHIN_S)
    dom0.run(["mv", str(incoming), str(copy.parent)], timeout_s=STEP_WITHIN_S)


def path_in(dom0: Machine, file: Path) -> Path:
    """Return the path of a copied file in dom0: the file itself, if dom0 is this machine."""
    return file.resolve() if dom0 == LOCAL else cached_path(file)


def ensure_copied(dom0: Machine, files: Iterable[Path]) -> None:
    """Copy the files to dom0 that it does not have yet. Raise InstanceError."""
    for file in files:
        copy = path_in(dom0, file)
        if dom0 == LOCAL or _is_copied(dom0, copy):
            continue
        try:
            _copy(dom0, file, copy)
        except CommandError as error:
            raise InstanceError(
                f"{file} cannot be copied to {dom0.description}: {error.message}",
                remedy=f"make room there, below {CACHE}; scp needs sftp-server in dom0",
            ) from error
