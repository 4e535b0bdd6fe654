# SPDX-License-Identifier: Apache-2.0
"""What a guest has on this machine's disk while it lives: one folder, that root alone may enter.

Not in the testbed's state folder: that is memory on most hosts, and a guest may write much. A
folder that a broken run left names its testbed, and is found even after a reboot.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, InstanceError
from featherbench.files import write_atomic
from featherbench.system import subprocesses

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = Path("/var/lib/featherbench/guests")
OVERLAY_WITHIN_S = 30.0
MADE_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Folder:
    """One guest's folder. The suffixes are those that AppArmor's profile for libvirt expects."""

    path: Path

    @property
    def instance_id(self) -> str:
        """Whose it is."""
        return self.path.name

    @property
    def owner(self) -> Path:
        """Names the Place.state and the host that the guest is for, a line each."""
        return self.path / "owner"

    @property
    def overlay(self) -> Path:
        """The guest's disk: what differs from the image."""
        return self.path / "disk.qcow2"

    @property
    def seed(self) -> Path:
        """The disk with what depends on this start."""
        return self.path / "seed.img"

    @property
    def spent(self) -> Path:
        """How many seconds of processor time the guest had used when it was prepared."""
        return self.path / "spent"

    @property
    def report(self) -> Path:
        """What the guest tells us."""
        return self.path / "report.log"


def of(instance_id: str) -> Folder:
    """Give the folder of an instance, whether or not it exists."""
    return Folder(path=ALL / instance_id)


def make(instance_id: str, *, state: str, hypervisor: str) -> Folder:
    """Make the folder; its owner is on disk before anything else."""
    folder = of(instance_id)
    folder.path.mkdir(mode=0o700, parents=True)
    write_atomic(folder.owner, f"{state}\n{hypervisor}\n")
    return folder


def owner_of(folder: Folder) -> tuple[str, str]:
    """Give state and host; empty where a killed run had not yet written them."""
    lines = folder.owner.read_text().splitlines() if folder.owner.exists() else []
    return (lines[0], lines[1]) if len(lines) == 2 else ("", "")  # noqa: PLR2004 - the two of them


def _is_being_made(folder: Folder) -> bool:
    """Whether somebody may be about to write its owner."""
    return not folder.owner.exists() and time.time() - folder.path.stat().st_mtime < MADE_WITHIN_S


def own_folders() -> Iterator[Folder]:
    """Find the folders of all guests."""
    for path in sorted(ALL.iterdir()) if ALL.exists() else ():
        folder = Folder(path=path)
        if not _is_being_made(folder):
            yield folder


def remove(instance_id: str) -> None:
    """Remove the folder with all that is in it; no error when it is gone already."""
    shutil.rmtree(of(instance_id).path, ignore_errors=True)


def make_overlay(base: Path, overlay: Path) -> None:
    """Make a disk that begins as `base` (raw), which stays as it is. Raises InstanceError."""
    wanted = ["-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(overlay)]
    try:
        subprocesses.run(["qemu-img", "create", *wanted], timeout_s=OVERLAY_WITHIN_S)
    except CommandError as failure:
        raise InstanceError(
            f"no disk can be made over {base}: {failure.message}",
            remedy=f"make room on the disk that holds {ALL}",
        ) from failure
