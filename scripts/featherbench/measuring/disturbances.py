# SPDX-License-Identifier: Apache-2.0
"""What disturbs a window from outside: collectors that give facts for its verdict.

Settings, CPU sets, links and memory are read before and after. Stopped and frozen processes are
looked for while the window lasts as well, every SAMPLE_EVERY_S: each look takes some 0.2 ms of CPU
time.
"""

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from featherbench.contracts.bench import Bench
from featherbench.system import cgroup, iproute, procfs
from featherbench.system.machine import LOCAL, parse_files
from featherbench.system.sysctls import sysctl_files

SAMPLE_EVERY_S = 0.2
GAP_S = 1.0
"""A look that is this late was not merely scheduled late: featherbench itself was stopped."""
PROC, ROOT = Path("/proc"), Path("/")
READ_WITHIN_S = 10.0
STOPPED, TRACED = "T", "t"
"""States: stopped by a signal, or by a tracer; see proc(5)."""
CLIENT_LINK = "fb-server0"
"""The server's end of the link to the client; see testbed/network.py."""
OWN_LINKS = Path("/proc/self/net/dev")


class Watched(Protocol):
    """Something that is read before and after a window."""

    def changes(self) -> Sequence[str]:
        """Return what is not as it was."""


def _text(path: Path) -> str:
    return procfs.text(ROOT, str(path)) or ""


def _pids(bench: Bench) -> tuple[int, ...]:
    """Return the instance's processes on this machine; none where it is not known."""
    if bench.instance is None or bench.placement.machine != LOCAL:
        return ()
    return tuple(bench.technology.processes(bench.instance))


def is_held(status: str, pids: Sequence[int]) -> bool:
    """Whether a process is stopped, and not by the server itself: gVisor's kernel may trace."""
    state = procfs.parse_state(status)
    if state == TRACED:
        tracer = str(procfs.parse_tracer(status))
        return not any((PROC / str(pid) / "task" / tracer).exists() for pid in pids)
    return state == STOPPED


class Processes:
    """The server's processes and ours: whether they are stopped or frozen, and their CPUs."""

    def __init__(self, bench: Bench, pids: Sequence[int]) -> None:
        self.held: dict[str, None] = {}
        self._pids, self._client_cpus = pids, frozenset(bench.client.cpus)
        self._freezer = cgroup.freezer_of(pids[0]) if pids else None
        self._cpus, self._pinned = self._cpus_of_threads(), set[int]()
        self._moved: dict[str, None] = {}
        self._looked_s = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if bench.instance is not None and bench.client.machine == LOCAL:
            self._thread.start()

    def _cpus_of_threads(self) -> dict[str, frozenset[int]]:
        files = (file for pid in self._pids for file in (PROC / str(pid) / "task").glob("*/status"))
        return {file.parent.name: procfs.parse_allowed_cpus(_text(file)) for file in files}

    def _watch(self) -> None:
        self._look()  # a load generator that is kept open may have been stopped before
        while not self._ended.wait(SAMPLE_EVERY_S):
            self._look()

    def _look(self) -> None:
        now_s = time.monotonic()
        if (late_s := now_s - self._looked_s - SAMPLE_EVERY_S) > GAP_S:
            self.held[f"featherbench did not run for {late_s:.2g} s"] = None
        self._looked_s = now_s
        for pid in self._pids:
            status = _text(PROC / str(pid) / "status")
            self._require_running(status, f"the server (process {pid})")
            self._require_cpus(str(pid), procfs.parse_allowed_cpus(status))
        if self._freezer and cgroup.is_frozen(self._freezer):
            self.held["the server was frozen or paused"] = None
        for pid in _children():
            self._look_at_client(pid, _text(PROC / str(pid) / "status"))

    def _require_running(self, status: str, who: str) -> None:
        if is_held(status, self._pids):
            self.held[f"{who} was stopped"] = None

    def _require_cpus(self, thread: str, cpus: frozenset[int]) -> None:
        before = self._cpus.get(thread) or frozenset[int]().union(*self._cpus.values())
        if cpus and (cpus != before if thread in self._cpus else cpus - before):
            self._moved[f"CPUs of the server: {_list(cpus)} instead of {_list(before)}"] = None

    def _look_at_client(self, pid: int, status: str) -> None:
        """Look at a program of the client, which is pinned only some time after its start."""
        self._require_running(status, "the load generator")
        cpus = procfs.parse_allowed_cpus(status)
        if cpus and cpus <= self._client_cpus:
            self._pinned.add(pid)
        elif cpus and pid in self._pinned:
            wanted = _list(self._client_cpus)
            self._moved[f"CPUs of the load generator: {_list(cpus)} instead of {wanted}"] = None

    def stop(self) -> None:
        """Look once more, and no longer."""
        if self._thread.ident is not None and not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._look()

    def changes(self) -> Sequence[str]:
        """Return which CPUs changed."""
        for thread, cpus in self._cpus_of_threads().items():
            self._require_cpus(thread, cpus)
        return tuple(self._moved)


def _list(cpus: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cpus)))


def _children() -> Iterator[int]:
    """Yield the programs that this process runs; see `task/TID/children` in proc(5)."""
    for file in (PROC / "self/task").glob("*/children"):
        yield from map(int, _text(file).split())


def waited_s(
    before: Mapping[Path, tuple[int, ...]], after: Mapping[Path, tuple[int, ...]]
) -> float:
    """Return how long a thread waited at least for a CPU on which no other thread of its ran.

    Times are those of schedstat: ran and waited, in ns. Of all threads, the longest counts.
    """
    spent_ns = [
        (after[thread][0] - times[0], after[thread][1] - times[1])
        for thread, times in before.items()
        if times and after.get(thread)
    ]
    ran_ns = sum(ran for ran, _ in spent_ns)
    return max((waited - (ran_ns - ran) for ran, waited in [*spent_ns, (ran_ns, 0)])) / 1e9


class Values:
    """Values that stay the same while a window is measured, by what they are: a sysctl, a limit."""

    def __init__(self, bench: Bench, pids: Sequence[int]) -> None:
        self._bench, self._pids = bench, pids
        self._before = self._read()

    def _read(self) -> dict[str, str]:
        return {**dict(self._sysctls()), **dict(self._limits())}

    def _sysctls(self) -> Iterator[tuple[str, str]]:
        files = sysctl_files(self._bench.tuning)
        if not files:
            return
        show = ["tail", "--verbose", "--lines=+1", "--", *files]
        sides: dict[str, Mapping[Path, str]] = {
            "on the server's side": self._bench.placement.machine.read([*map(Path, files)]),
            "at the client": parse_files(
                self._bench.client.run(show, timeout_s=READ_WITHIN_S, check=False).stdout
            ),
        }
        if self._pids and _network_of(self._pids[0]) not in {"", _network_of("self")}:
            entering = ["nsenter", f"--net={PROC}/{self._pids[0]}/ns/net", *show]
            done = LOCAL.run(entering, timeout_s=READ_WITHIN_S, check=False)
            sides["inside the instance"] = parse_files(done.stdout)
        for side, texts in sides.items():
            for key, file in zip(self._bench.tuning.net_sysctls, files, strict=True):
                yield f"{key} {side}", procfs.one_line(texts.get(Path(file), ""))

    def _limits(self) -> Iterator[tuple[str, str]]:
        if self._pids:
            for folder, limit in cgroup.memory_limits(self._pids[0]).items():
                yield f"the memory limit of {folder}", limit

    def changes(self) -> Sequence[str]:
        """Return what is not as it was."""
        after = self._read()
        return [
            f"{what}: {after.get(what) or 'gone'} instead of {before}"
            for what, before in self._before.items()
            if after.get(what) != before
        ]


def _network_of(pid: int | str) -> str:
    try:
        return str((PROC / str(pid) / "ns/net").readlink())
    except OSError:
        return ""


class Links:
    """The client's link and the instance's: whether one went down, up, or away."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._peers = _peers(pids[0]) if pids else set[str]()
        self._names = {CLIENT_LINK, *(tap for pid in pids for tap in _taps(pid))}
        self._before = self._read()

    def _read(self) -> dict[str, str]:
        """Map the interfaces to how often their carrier changed."""
        links = list(iproute.INTERFACES.glob("*"))
        names = {line.partition(":")[0].strip() for line in _text(OWN_LINKS).splitlines()[2:]}
        if names != {link.name for link in links}:
            return {}  # /sys shows another network namespace than ours
        return {
            link.name: _text(link / "carrier_changes")
            for link in links
            if link.name in self._names or _text(link / "ifindex") in self._peers
        }

    def changes(self) -> Sequence[str]:
        """Return the links that changed."""
        after = self._read()
        return [
            f"the link {name} {'went down or up' if name in after else 'is gone'}"
            for name, before in self._before.items()
            if after.get(name) != before
        ]


def _peers(pid: int) -> set[str]:
    """Return the numbers of the links to which those of a process lead, if it has its own."""
    if _network_of(pid) == _network_of("self"):
        return set()
    return {_text(file) for file in (PROC / str(pid) / "root/sys/class/net").glob("*/iflink")}


def _taps(pid: int) -> Iterator[str]:
    """Yield the names of the TUN/TAP interfaces that a virtual machine's process has open."""
    for file in (PROC / str(pid) / "fdinfo").glob("*"):
        name = re.search(r"^iff:\s*(\S+)", _text(file), re.MULTILINE)
        if name:
            yield name[1]


class Disturbances:
    """All of these, from the construction of this object to `end`."""

    def __init__(self, bench: Bench) -> None:
        self.changes: tuple[str, ...] = ()
        self._pids = _pids(bench)
        self._watched: tuple[Watched, ...] = (Values(bench, self._pids), Links(self._pids))
        self._memory, self._times = self._read_memory(), self._read_times()
        self.processes = Processes(bench, self._pids)

    @property
    def knows_server(self) -> bool:
        """Whether the server's processes were known from the beginning."""
        return bool(self._pids)

    def _read_memory(self) -> tuple[int, int]:
        """Read how often the server hit its memory limit, and its major page faults."""
        if not self._pids:
            return 0, 0
        stats = (_text(PROC / str(pid) / "stat") for pid in self._pids)
        faults = sum(procfs.parse_process_stat(stat).major_faults for stat in stats if stat)
        return cgroup.memory_limit_hits(self._pids[0]), faults

    def _read_times(self) -> dict[Path, tuple[int, ...]]:
        """Read how long each of the server's threads ran and waited for a CPU, in ns."""
        files = [file for pid in self._pids for file in PROC.glob(f"{pid}/task/*/schedstat")]
        return {file: tuple(map(int, _text(file).split()[:2])) for file in files}

    def end(self) -> None:
        """Read everything again."""
        memory = self._read_memory()
        self.waited_s = waited_s(self._times, self._read_times())
        self.limit_hits, self.major_faults = (
            max(0, after - before) for before, after in zip(self._memory, memory, strict=True)
        )
        watched = (self.processes, *self._watched)
        self.changes = tuple(change for each in watched for change in each.changes())
