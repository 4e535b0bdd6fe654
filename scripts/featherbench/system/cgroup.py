# SPDX-License-Identifier: Apache-2.0
"""Control groups, versions 1 and 2: where they are, what they have used, groups of our own.

The working set is the memory in use without the page cache that the kernel would drop first: usage
minus `inactive_file`, as in Kubernetes and `docker stats`. It includes the active page cache, which
is charged to the group that touched a page first. Peaks include the page cache.
"""

import contextlib
import errno
import os
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from featherbench.errors import DeadlineError, InstanceError
from featherbench.ownership import LABEL
from featherbench.records.cell import Usage
from featherbench.system.machine import LOCAL, Machine
from featherbench.system.polling import wait_until

PROC = Path("/proc")
CONTROLLERS = ("cpu", "cpuacct", "memory")
FREEZER = "freezer"
UNIFIED = ""
"""The name of version 2 among the controllers of version 1; see cgroups(7)."""
PREFIX = f"{LABEL}-"
OWNER_ATTRIBUTE = f"trusted.{LABEL}.state"
INSTANCE_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{12}}")
"""The groups of instances; others below our prefix are not ours without our attribute."""
CREATION_REMEDIES = {
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM),
        "/sys/fs/cgroup must be writable: start this container privileged, or use the machine"
        " itself",
    ),
    errno.EBUSY: "move the processes of the parent group into groups below it, as systemd does",
    errno.EAGAIN: "raise cgroup.max.descendants of the parent group",
    errno.ENOENT: "boot with cgroup_enable=memory: the kernel counts no memory of groups",
}
COUNTERS = {
    1: {
        "cpu": "cpuacct.usage",
        "throttled": "cpu.stat throttled_time",
        "current": "memory.usage_in_bytes",
        "inactive_file": "memory.stat total_inactive_file",
        "anonymous": "memory.stat total_rss",
        "file": "memory.stat total_cache",
        "peak": "memory.max_usage_in_bytes",
    },
    2: {
        "cpu": "cpu.stat usage_usec",
        "throttled": "cpu.stat throttled_usec",
        "current": "memory.current",
        "inactive_file": "memory.stat inactive_file",
        "anonymous": "memory.stat anon",
        "file": "memory.stat file",
        "peak": "memory.peak",
    },
}
"""By version, the file of each counter, and its key if the file has several. See the kernel's
admin-guide/cgroup-v1 (`total_*` include groups below) and cgroup-v2 (`memory.peak`: from 5.19)."""
UNITS_PER_S = {1: 1_000_000_000, 2: 1_000_000}
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
                if option in {*CONTROLLERS, FREEZER}:
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


def _numbers(files: Mapping[str, str]) -> dict[str, int]:
    """Parse files of one number, by their name, and lines of `key number`, by name and key."""
    rows = [(name, line.split()) for name, text in files.items() for line in text.splitlines()]
    return {
        " ".join([name, *words[:-1]]): int(words[-1])
        for name, words in rows
        if len(words) in {1, 2}
    }


def parse_usage(version: int, files: Mapping[str, str]) -> Usage:
    """Parse the files of a group, by name; a missing file leaves None."""
    numbers = _numbers(files)
    counts = {what: numbers.get(counter) for what, counter in COUNTERS[version].items()}

    def seconds(what: str) -> float | None:
        return None if (count := counts[what]) is None else count / UNITS_PER_S[version]

    current, inactive = counts["current"], counts["inactive_file"]
    # Read at different moments: the difference could be negative.
    working_set = None if current is None or inactive is None else max(0, current - inactive)
    return Usage(
        cpu_s=seconds("cpu"),
        throttled_s=seconds("throttled"),
        memory_current_bytes=current,
        memory_working_set_bytes=working_set,
        memory_anonymous_bytes=counts["anonymous"],
        memory_file_bytes=counts["file"],
        memory_peak_bytes=counts["peak"],
        source=f"cgroup v{version}: {', '.join(files)}",
    )


def usage_of(group: ControlGroup) -> Usage:
    """Return what a group has used since it was made. Raises OSError when the group is gone."""
    folders = {"cpu": group.cpu, "cpuacct": group.cpuacct, "memory": group.memory}
    names = dict.fromkeys(counter.split()[0] for counter in COUNTERS[group.version].values())
    texts = group.machine.read([folders[name.partition(".")[0]] / name for name in names])
    if not texts:
        raise FileNotFoundError(group.memory)
    return parse_usage(group.version, {path.name: text for path, text in texts.items()})


def reset_peak(group: ControlGroup) -> bool:
    """Reset the memory peak to the present usage; return False where that is impossible.

    Version 2 resets `memory.peak` (from Linux 6.12) only for readers of the descriptor that wrote
    to it, which does not help drivers: they keep no files open.
    """
    if group.version != 1:
        return False
    group.machine.write(group.memory / COUNTERS[1]["peak"], "0")
    return True


def freezer_of(pid: int) -> Path | None:
    """Return the file that says whether the group of a process of this machine is frozen."""
    mounts = parse_mounts((PROC / "self/mountinfo").read_text(encoding="utf-8"))
    membership = parse_membership((PROC / str(pid) / "cgroup").read_text(encoding="utf-8"))
    for controller, name in ((FREEZER, "freezer.state"), (UNIFIED, "cgroup.events")):
        if controller in mounts and controller in membership:
            return mounts[controller] / membership[controller].lstrip("/") / name
    return None


def is_frozen(file: Path) -> bool:
    """Return what a file of `freezer_of` says; False once the group is gone."""
    with contextlib.suppress(OSError):
        return bool(
            {"FROZEN", "FREEZING", "frozen 1"} & set(file.read_text(encoding="utf-8").splitlines())
        )
    return False


def _memory_files(pid: int, names: Mapping[int, str]) -> dict[Path, str]:
    """Read a file, named by version, of the group of a process and of all groups above it."""
    with contextlib.suppress(FileNotFoundError):
        group = group_of(pid)
        folders = (group.memory, *group.memory.parents)
        return dict(LOCAL.read([folder / names[group.version] for folder in folders]))
    return {}


def memory_limits(pid: int) -> dict[Path, str]:
    """Map the groups that a process of this machine is in to their limits of memory."""
    files = _memory_files(pid, {1: "memory.limit_in_bytes", 2: "memory.max"})
    return {file.parent: text.strip() for file, text in files.items()}


def memory_limit_hits(pid: int) -> int:
    """Return how often the groups that a process is in have reached a limit of memory."""
    files = _memory_files(pid, {1: "memory.failcnt", 2: "memory.events"})
    numbers = (_numbers({file.name: text}) for file, text in files.items())
    counted = ("memory.failcnt", "memory.events high", "memory.events max")
    return sum(found.get(counter, 0) for found in numbers for counter in counted)


def own_group(name: str) -> ControlGroup:
    """Return our group of that name, directly below the root, whether or not it exists."""
    mounts = parse_mounts((PROC / "self/mountinfo").read_text(encoding="utf-8"))
    return locate(mounts, dict.fromkeys((*CONTROLLERS, UNIFIED), f"/{PREFIX}{name}"))


def _enable_controllers(root: Path) -> None:
    """Have version 2 count CPU time and memory in the groups below its root.

    The kernel refuses `cpu` while real-time tasks run (EINVAL); cpu.stat has the time without it.
    """
    file = root / "cgroup.subtree_control"
    missing = {"cpu", "memory"} - set(file.read_text(encoding="utf-8").split())
    for controller in sorted(missing):
        try:
            file.write_text(f"+{controller}", encoding="utf-8")
        except OSError as refused:
            if controller != "cpu" or refused.errno != errno.EINVAL:
                raise


def _creation_remedy(refused: OSError) -> str:
    if os.geteuid() != 0:
        return "run as root"
    return CREATION_REMEDIES.get(refused.errno or 0, "see cgroups(7), and `journalctl -k`")


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
            remedy=_creation_remedy(refused),
        ) from refused


def join(group: ControlGroup) -> None:
    """Put the calling process into the group."""
    for folder in group.folders:
        (folder / "cgroup.procs").write_text("0", encoding="utf-8")


def members(group: ControlGroup) -> set[int]:
    """Return the pids in the group; the kernel lists no dead processes, reaped or not."""
    pids: set[int] = set()
    for folder in group.folders:
        with contextlib.suppress(FileNotFoundError):
            pids.update(map(int, (folder / "cgroup.procs").read_text(encoding="utf-8").split()))
    return pids


def all_members(group: ControlGroup) -> list[int]:
    """Return the pids in the group and in those below it."""
    pids = set[int]()
    for file in group.memory.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):
            pids.update(map(int, file.read_text(encoding="utf-8").split()))
    return sorted(pids)


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
    """Yield all groups of ours: by our attribute, or by name where the kernel keeps none."""
    folders = own_group("*").folders
    names = {path.name for folder in folders for path in folder.parent.glob(folder.name)}
    for name in sorted(names):
        group = own_group(name.removeprefix(PREFIX))
        if INSTANCE_NAME.fullmatch(name) or owner_of(group):
            yield group
