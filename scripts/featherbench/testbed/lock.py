# SPDX-License-Identifier: Apache-2.0
"""Locks that end with their holder, and the lock that lets one job measure at a time."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from featherbench.errors import DeadlineError, TestbedBusyError
from featherbench.records.base import Record
from featherbench.system.polling import wait_until
from featherbench.system.processes import Process, ourselves
from featherbench.testbed.state import State

REMIND_EVERY_S = 60.0
POLL_EVERY_S = 0.2


class Job(Record):
    """The job that holds the testbed right now."""

    job: Process
    workflow: Process
    what: str
    cwd: str
    since_utc: str

    def __str__(self) -> str:
        return f"{self.what} (pid {self.job.pid}, in {self.cwd}, since {self.since_utc})"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """An exclusive flock that this process holds until it releases it, or ends."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Release the lock and remove its file; `try_lock` copes with a file that was removed."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def try_lock(path: Path) -> Lock | None:
    """Take the lock at `path`; return None if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with suppress(BlockingIOError, FileNotFoundError):  # held, or removed meanwhile
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(path.stat(), os.fstat(descriptor)):
            return Lock(path=path, descriptor=descriptor)
    os.close(descriptor)
    return None


class Announcer:
    """Writes to stderr what is waited for: at once, and then once a minute."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __call__(self, message: str) -> None:
        """Write the message, unless one was written less than a minute ago."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + REMIND_EVERY_S
            sys.stderr.write(f"featherbench waits: {message}\n")
            sys.stderr.flush()


def running_job(state: State) -> Job | None:
    """Return the job on record, whether or not it still lives."""
    return Job.read_valid(state.job)


def _take_job_lock(state: State, wait_s: float) -> Lock:
    announce = Announcer()

    def attempt() -> Lock | None:
        lock = try_lock(state.job_lock)
        if lock is None:
            announce(f"for {running_job(state) or 'another job'} to end")
        return lock

    try:
        return wait_until(attempt, what="the job lock", within_s=wait_s, every_s=POLL_EVERY_S)
    except DeadlineError as late:
        raise TestbedBusyError(
            f"{running_job(state) or 'another job'} has held the testbed for over {wait_s:g} s",
            remedy="let it end, or end it, and run again",
        ) from late


@contextmanager
def only_job(state: State, workflow: Process, what: str, *, wait_s: float) -> Iterator[None]:
    """Keep other jobs from deploying or measuring while the block runs.

    After a job that was killed or that failed, leftovers are removed again: `cleanup.sweep_once`.
    Raises TestbedBusyError when another job has not ended within `wait_s` seconds.
    """
    lock = _take_job_lock(state, wait_s)
    try:
        if state.job.exists():  # the record of a job that was killed
            state.swept.unlink(missing_ok=True)
        Job(
            job=ourselves(),
            workflow=workflow,
            what=what,
            cwd=str(Path.cwd()),
            since_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        ).write(state.job)
        yield
    except BaseException:
        state.swept.unlink(missing_ok=True)
        raise
    finally:
        state.job.unlink(missing_ok=True)
        lock.release()
