# SPDX-License-Identifier: Apache-2.0
"""Processes by identity: a pid with its start time, so that a reused pid is not mistaken.

The start time is in ticks since boot: unlike the time of day, nobody sets it.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from featherbench.errors import DeadlineError
from featherbench.records.base import Record
from featherbench.system.polling import wait_until
from featherbench.system.procfs import ProcessStat, parse_process_stat

PROC = Path("/proc")
DEAD_STATES = {"Z", "X", "x"}


class Process(Record):
    """A process of this machine. `started_ticks` are clock ticks since boot."""

    pid: int
    started_ticks: int


def _stat(pid: int) -> ProcessStat | None:
    try:
        return parse_process_stat(
            (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        )
    except (FileNotFoundError, ProcessLookupError):
        return None


def identity_of(pid: int) -> Process | None:
    """Return the identity of a living process; None without one (a zombie is dead)."""
    stat = _stat(pid)
    if stat is None or stat.state in DEAD_STATES:
        return None
    return Process(pid=pid, started_ticks=stat.started_ticks)


def ourselves() -> Process:
    """Return the identity of this process."""
    identity = identity_of(os.getpid())
    assert identity is not None, "/proc does not show this process"
    return identity


def with_variable(name: str) -> Iterator[tuple[str, Process]]:
    """Yield the value of an environment variable, and the process, of each that started with it.

    Others' processes and those that ended show no environment.
    """
    for file in PROC.glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            for entry in file.read_text(encoding="utf-8", errors="replace").split("\0"):
                if entry.startswith(f"{name}=") and (process := identity_of(int(file.parent.name))):
                    yield entry.removeprefix(f"{name}="), process


def command_line(pid: int) -> list[str]:
    """Return the words of a process's command line; none if it has ended."""
    with contextlib.suppress(OSError):
        return (
            (PROC / str(pid) / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
        )
    return []


def is_alive(process: Process) -> bool:
    """Whether exactly this process still lives."""
    return identity_of(process.pid) == process


def descendants(process: Process) -> list[Process]:
    """Return the living children of a process, their children, and so on."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(stat.parent, []).append(int(entry.name))
    living, to_visit = [], [process.pid]
    while to_visit:
        pids = children.get(to_visit.pop(), [])
        living += [identity for pid in pids if (identity := identity_of(pid))]
        to_visit += pids
    return living


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to exactly this process, if it still lives."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if is_alive(process):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def end(process: Process, *, grace_s: float, what: str) -> None:
    """End a process by SIGTERM, then by SIGKILL. Raises DeadlineError when it still lives."""
    send(process, signal.SIGTERM)
    try:
        wait_until(lambda: not is_alive(process), what=f"end of {what}", within_s=grace_s)
    except DeadlineError:
        send(process, signal.SIGKILL)
        after = f"end of {what} after SIGKILL"
        wait_until(lambda: not is_alive(process), what=after, within_s=10)


def end_with_descendants(process: Process, *, grace_s: float, what: str) -> None:
    """End a process, and then those of its descendants that have outlived it.

    This process is spared: the guard, for instance, is a child of the job that started it.
    """
    family = [member for member in descendants(process) if member != ourselves()]
    end(process, grace_s=grace_s, what=what)
    for member in family:
        end(member, grace_s=grace_s, what=f"a child of {what}")
