# SPDX-License-Identifier: Apache-2.0
"""Brings the files of images to dom0, once for each state of theirs; holes stay holes."""

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

KEPT = Path("/var/lib/featherbench/images")
NAME_CHARACTERS = 16
PACK_WITHIN_S = 300.0
STEP_WITHIN_S = 60.0


def place_of(file: Path) -> Path:
    """Say where a file is kept in dom0: a folder for the file, and one in it for its state."""
    status = file.stat()
    state = canonical_json([status.st_size, status.st_mtime_ns])
    names = (digest(part.encode())[:NAME_CHARACTERS] for part in (str(file.resolve()), state))
    return KEPT.joinpath(*names, file.name)


def _is_there(dom0: Machine, place: Path) -> bool:
    done = dom0.run(["test", "-e", str(place)], timeout_s=STEP_WITHIN_S, check=False)
    return done.exit_status == 0


def _bring(dom0: Machine, file: Path, place: Path) -> None:
    """Copy a file in place of what it was before; it is seen there when it is whole."""
    incoming = place.parent.with_suffix(".part")
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tar") as packed:
        pack = ["tar", "--create", "--sparse", f"--file={packed.name}"]
        subprocesses.run([*pack, f"--directory={file.parent}", file.name], timeout_s=PACK_WITHIN_S)
        dom0.run(["rm", "-rf", str(place.parent.parent)], timeout_s=STEP_WITHIN_S)
        dom0.run(["mkdir", "-p", str(incoming)], timeout_s=STEP_WITHIN_S)
        dom0.put(Path(packed.name), incoming / "packed.tar")
    unpack = ["tar", "--extract", f"--directory={incoming}", f"--file={incoming / 'packed.tar'}"]
    dom0.run(unpack, timeout_s=PACK_WITHIN_S)
    dom0.run(["rm", str(incoming / "packed.tar")], timeout_s=STEP_WITHIN_S)
    dom0.run(["mv", str(incoming), str(place.parent)], timeout_s=STEP_WITHIN_S)


def place_in(dom0: Machine, file: Path) -> Path:
    """Say where a file that was brought is there: where it is, if dom0 is this machine."""
    return file.resolve() if dom0 == LOCAL else place_of(file)


def bring(dom0: Machine, files: Iterable[Path]) -> None:
    """See to it that files are in dom0. Raises InstanceError."""
    for file in files:
        place = place_in(dom0, file)
        if dom0 == LOCAL or _is_there(dom0, place):
            continue
        try:
            _bring(dom0, file, place)
        except CommandError as failure:
            raise InstanceError(
                f"{file} cannot be copied to {dom0.description}: {failure.message}",
                remedy=f"make room there, below {KEPT}; scp needs sftp-server in dom0",
            ) from failure
