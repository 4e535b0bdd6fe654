# SPDX-License-Identifier: Apache-2.0
"""Control groups, version 1 and 2: where they are, and groups of our own."""

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
"""How version 2 is named among the controllers of version 1; see cgroups(7)."""
PREFIX = f"{LABEL}-"
OWNER_ATTRIBUTE = f"trusted.{LABEL}.state"
POLL_S = 0.002
GONE_WITHIN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group: the folder of each controller; in version 2 they are all the same."""

    version: int
    cpu: Path
    cpuacct: Path
    memory: Path
    machine: Machine = LOCAL

    @property
    def folders(self) -> tuple[Path, ...]:
        """The different folders among them."""
        return tuple(dict.fromkeys((self.cpu, self.cpuacct, self.memory)))

    @property
    def name(self) -> str:
        """The group's own name."""
        return self.memory.name


def parse_mounts(mountinfo: str) -> dict[str, Path]:
    """Map each controller (version 2: UNIFIED) to where it is mounted.

    Reads /proc/PID/mountinfo; see proc(5).
    """
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(maxsplit=2)
        mount_point = Path(before.split()[4])
        if kind == "cgroup2":
            found.setdefault(UNIFIED, mount_point)
        elif kind == "cgroup":
            for option in options.split(","):
                if option in CONTROLLERS:
                    found.setdefault(option, mount_point)
    return found


def parse_membership(text: str) -> dict[str, str]:
    """Map each controller (version 2: UNIFIED) to a process's group, from /proc/PID/cgroup."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def place(
    mounts: Mapping[str, Path], membership: Mapping[str, str], machine: Machine = LOCAL
) -> Group:
    """Say where on `node` the group is that the paths in `membership` name.

    Version 1 counts where its memory controller is mounted, as it is on hybrid hosts. Raises
    InstanceError where no version is usable.
    """
    version = 1 if "memory" in mounts else 2
    wanted = CONTROLLERS if version == 1 else (UNIFIED,) * len(CONTROLLERS)
    if any(name not in mounts or name not in membership for name in wanted):
        raise InstanceError(
            "this host's control groups cannot be used: the controllers"
            f" {', '.join(CONTROLLERS)} are not all mounted",
            remedy="mount /sys/fs/cgroup as systemd does, or run setup/engine.sh",
        )
    cpu, cpuacct, memory = (mounts[name] / membership[name].lstrip("/") for name in wanted)
    return Group(version=version, cpu=cpu, cpuacct=cpuacct, memory=memory, machine=machine)


def group_of(pid: int, machine: Machine = LOCAL) -> Group:
    """Give the group of a process of `node`. Raises FileNotFoundError when it is gone."""
    mountinfo, membership = PROC / "self/mountinfo", PROC / str(pid) / "cgroup"
    found = machine.read([mountinfo, membership])
    if membership not in found:
        raise FileNotFoundError(membership)
    return place(parse_mounts(found[mountinfo]), parse_membership(found[membership]), machine)


def own_group(name: str) -> Group:
    """Give the group of ours called `name`, whether or not it exists: right below the root."""
    mounts = parse_mounts((PROC / "self/mountinfo").read_text())
    return place(mounts, dict.fromkeys((*CONTROLLERS, UNIFIED), f"/{PREFIX}{name}"))


def _enable_controllers(root: Path) -> None:
    """Have version 2 account processor and memory in the groups below its root."""
    file = root / "cgroup.subtree_control"
    wanted = {"cpu", "memory"} - set(file.read_text().split())
    for controller in sorted(wanted):
        file.write_text(f"+{controller}")


def create(group: Group, *, owner: str) -> None:
    """Make a group of ours; `owner` names the testbed that it belongs to.

    Raises InstanceError, having removed what was made, when the kernel refuses.
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
            remedy="run as root, on a host whose /sys/fs/cgroup is writable",
        ) from refused


def join(group: Group) -> None:
    """Put the calling process into the group."""
    for folder in group.folders:
        (folder / "cgroup.procs").write_text("0")


def members(group: Group) -> set[int]:
    """Give the pids in the group; the kernel lists no dead ones, reaped or not."""
    pids: set[int] = set()
    for folder in group.folders:
        with contextlib.suppress(FileNotFoundError):
            pids.update(map(int, (folder / "cgroup.procs").read_text().split()))
    return pids


def _signal(group: Group, number: signal.Signals) -> None:
    for pid in members(group):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _remove_folders(group: Group) -> bool:
    """Remove the group's folders; False when one is busy for a moment longer."""
    for folder in group.folders:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def end(group: Group, *, grace_s: float) -> None:
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


def owner_of(group: Group) -> str:
    """Give the owner named when the group was made; empty when the kernel did not keep it."""
    for folder in group.folders:
        with contextlib.suppress(OSError):
            return os.getxattr(folder, OWNER_ATTRIBUTE).decode()
    return ""


def own_groups() -> Iterator[Group]:
    """Find all groups of ours."""
    folders = own_group("*").folders
    names = {found.name for folder in folders for found in folder.parent.glob(folder.name)}
    for name in sorted(names):
        yield own_group(name.removeprefix(PREFIX))
