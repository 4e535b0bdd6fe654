# SPDX-License-Identifier: Apache-2.0
"""The folder of a virtual machine on this machine's disk while it lives; only root may enter it.

It is not in the testbed's state folder, which is in memory on most machines, because a guest may
write much. A folder that a broken run left names its testbed, and is found even after a reboot.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from featherbench.errors import InstanceError
from featherbench.files import write_atomic
from featherbench.system import subprocesses

ALL = Path("/var/lib/featherbench/guests")
OVERLAY_WITHIN_S = 30.0
MADE_WITHIN_S = 60.0


class InstanceDir(NamedTuple):
    """One virtual machine's folder, and the files in it."""

    path: Path
    owner: Path
    """The Placement's state and the hypervisor that the instance is for, a line each."""
    overlay: Path
    """The guest's disk: its differences from the image."""
    seed: Path
    """The disk with what depends on this start."""
    used_before: Path
    """The seconds of processor time that the guest had used when it was prepared."""
    report: Path
    """What the guest reports: see `boot_report.py`."""


def at(path: Path) -> InstanceDir:
    """Return the folder with that path. AppArmor's profile for libvirt expects these suffixes."""
    names = ("owner", "disk.qcow2", "seed.img", "spent", "report.log")
    return InstanceDir(path, *(path / name for name in names))


def of(instance_id: str) -> InstanceDir:
    """Return the folder of an instance, whether or not it exists."""
    return at(ALL / instance_id)


def make(instance_id: str, *, state: str, hypervisor: str) -> InstanceDir:
    """Make the folder; its owner is on disk before anything else."""
    folder = of(instance_id)
    folder.path.mkdir(mode=0o700, parents=True)
    write_atomic(folder.owner, f"{state}\n{hypervisor}\n")
    return folder


class OwnedVm(NamedTuple):
    """A virtual machine of featherbench; state and hypervisor are empty if they are unknown."""

    instance_id: str
    state: str
    hypervisor: str


def owned() -> Iterator[OwnedVm]:
    """Yield the virtual machines that have a folder, unless that may be about to get its owner."""
    for path in sorted(ALL.iterdir()) if ALL.exists() else ():
        owner = at(path).owner
        if owner.exists():
            yield OwnedVm(path.name, *owner.read_text(encoding="utf-8").splitlines())
        elif time.time() - path.stat().st_mtime >= MADE_WITHIN_S:
            yield OwnedVm(path.name, "", "")


def remove(instance_id: str) -> None:
    """Remove the folder with its content; no error if it is gone already."""
    shutil.rmtree(of(instance_id).path, ignore_errors=True)


def make_overlay(base: Path, overlay: Path) -> None:
    """Make a disk that starts as `base` (raw), which does not change. Raise InstanceError."""
    options = ["-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(overlay)]
    what, place = f"no disk can be made over {base}", f"the disk that holds {ALL}"
    with subprocesses.failure_as(InstanceError, what, place=place):
        subprocesses.run(["qemu-img", "create", *options], timeout_s=OVERLAY_WITHIN_S)
