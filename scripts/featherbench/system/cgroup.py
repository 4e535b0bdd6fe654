# SPDX-License-Identifier: Apache-2.0
"""Control groups, versions 1 and 2: where they are, and groups of our own."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import DeadlineError, InstanceError
from featherbench.ownership import LABEL
from featherbench.system.machine import LOCAL
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.system.machine import Machine

PROC = Path("/proc")
CONTROLLERS = ("cpu", "cpuacct", "memory")
UNIFIED = ""
"""The name of version 2 among the controllers of version 1; see cgroups(7)."""
PREFIX = f"{LABEL}-"
OWNER_ATTRIBUTE = f"trusted.{LABEL}.state"
POLL_S = 0.002
GONE_WITHIN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class ControlGroup:
    """A control group: the folder of each controller; version 2 has one for all."""

    version: int
    cpu: Path
    cpuacct: Path
    memory: Path
    machine: Machine = LOCAL

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders, each once."""
        return tuple(dict.fromkeys((self.cpu, self.cpuacct, self.memory)))

    @property
    def name(self) -> str:
        """The group's name."""
        return self.memory.name


def parse_mounts(mountinfo: str) -> dict[str, Path]:
    """Parse /proc/PID/mountinfo: map each controller (version 2: UNIFIED) to its mount point."""
    mounts: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(maxsplit=2)
        mount_point = Path(before.split()[4])
        if kind == "cgroup2":
            mounts.setdefault(UNIFIED, mount_point)
        elif kind == "cgroup":
            for option in options.split(","):
                if option in CONTROLLERS:
                    mounts.setdefault(option, mount_point)
    return mounts


def parse_membership(text: str) -> dict[str, str]:
    """Parse /proc/PID/cgroup: map each controller (version 2: UNIFIED) to the process's group."""
    groups: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def locate(
    mounts: Mapping[str, Path], membership: Mapping[str, str], machine: Machine = LOCAL
) -> ControlGroup:
    """Return the group on `machine` that the paths in `membership` name.

    Version 1 is used if its memory controller is mounted, as on hybrid machines. Raises
    InstanceError when no version is usable.
    """
    version = 1 if "memory" in mounts else 2
    controllers = CONTROLLERS if version == 1 else (UNIFIED,) * len(CONTROLLERS)
    if any(name not in mounts or name not in membership for name in controllers):
        raise InstanceError(
            f"the control groups of {machine.description} cannot be used: the controllers"
            f" {', '.join(CONTROLLERS)} are not all mounted",
            remedy="mount /sys/fs/cgroup as systemd does, or run setup/engine.sh",
        )
    cpu, cpuacct, memory = (mounts[name] / membership[name].lstrip("/") for name in controllers)
    return ControlGroup(version=version, cpu=cpu, cpuacct=cpuacct, memory=memory, machine=machine)


def group_of(pid: int, machine: Machine = LOCAL) -> ControlGroup:
    """Return the group of a process on `machine`. Raises FileNotFoundError when it is gone."""
    mountinfo, membership = PROC / "self/mountinfo", PROC / str(pid) / "cgroup"
    files = machine.read([mountinfo, membership])
    if membership not in files:
        raise FileNotFoundError(membership)
    return locate(parse_mounts(files[mountinfo]), parse_membership(files[membership]), machine)


def own_group(name: str) -> ControlGroup:
    """Return our group of that name, directly below the root, whether or not it exists."""
    mounts = parse_mounts((PROC / "self/mountinfo").read_text())
    return locate(mounts, dict.fromkeys((*CONTROLLERS, UNIFIED), f"/{PREFIX}{name}"))


def _enable_controllers(root: Path) -> None:
    """Have version 2 count CPU time and memory in the groups below its root."""
    file = root / "cgroup.subtree_control"
    missing = {"cpu", "memory"} - set(file.read_text().split())
    for controller in sorted(missing):
        file.write_text(f"+{controller}")


def create(group: ControlGroup, *, owner: str) -> None:
    """Make a group; `owner` names the testbed that it belongs to.

    Raises InstanceError when the kernel refuses; what was made is removed then.
    """
    try:
        if group.version == 2:  # noqa: PLR2004 - the version's name
            _enable_controllers(group.memory.parent)
        for folder in group.folders:
            folder.mkdir()
            with contextlib.suppress(OSError):  # some kernels keep no attributes here
                os.setxattr(folder, OWNER_ATTRIBUTE, owner.encode())
    except OSError as refused:
        _remove_folders(group)
        raise InstanceError(
            f"the control group {group.memory} cannot be made: {refused.strerror}",
            remedy="run as root, on a machine whose /sys/fs/cgroup is writable",
        ) from refused


def join(group: ControlGroup) -> None:
    """Put the calling process into the group."""
    for folder in group.folders:
        (folder / "cgroup.procs").write_text("0")


def members(group: ControlGroup) -> set[int]:
    """Return the pids in the group; the kernel lists no dead processes, reaped or not."""
    pids: set[int] = set()
    for folder in group.folders:
        with contextlib.suppress(FileNotFoundError):
            pids.update(map(int, (folder / "cgroup.procs").read_text().split()))
    return pids


def _signal(group: ControlGroup, number: signal.Signals) -> None:
    for pid in members(group):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _remove_folders(group: ControlGroup) -> bool:
    """Remove the group's folders; return False when one is still busy."""
    for folder in group.folders:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def end(group: ControlGroup, *, grace_s: float) -> None:
    """End every process of a group, SIGKILL after `grace_s` seconds, and remove the group.

    No error when it is gone already. Raises DeadlineError when a process cannot be killed.
    """
    what = f"end of all processes in {group.memory}"
    _signal(group, signal.SIGTERM)
    with contextlib.suppress(DeadlineError):
        wait_until(lambda: not members(group), what=what, within_s=grace_s, every_s=POLL_S)

    def is_gone() -> bool:
        _signal(group, signal.SIGKILL)
        return _remove_folders(group)

    wait_until(is_gone, what=what, within_s=GONE_WITHIN_S, every_s=POLL_S)


def owner_of(group: ControlGroup) -> str:
    """Return the owner that `create` stored; empty when the kernel did not keep it."""
    for folder in group.folders:
        with contextlib.suppress(OSError):
            return os.getxattr(folder, OWNER_ATTRIBUTE).decode()
    return ""


def own_groups() -> Iterator[ControlGroup]:
    """Yield all groups of ours."""
    folders = own_group("*").folders
    names = {path.name for folder in folders for path in folder.parent.glob(folder.name)}
    for name in sorted(names):
        yield own_group(name.removeprefix(PREFIX))
