# SPDX-License-Identifier: Apache-2.0

import os
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from featherbench.errors import TestbedBusyError
from featherbench.system.polling import wait_until
from featherbench.system.processes import ourselves
from featherbench.testbed import lock as lock_module
from featherbench.testbed.lock import Announcer, only_job, running_job, try_lock
from featherbench.testbed.state import State

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path):
    return State(directory=tmp_path / "state")


@pytest.fixture
def holder(state):
    state.make()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state.job_lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_is_held_by_one(tmp_path):
    lock = try_lock(tmp_path / "lock")
    assert try_lock(tmp_path / "lock") is None
    lock.release()
    assert not (tmp_path / "lock").exists()
    try_lock(tmp_path / "lock").release()


def test_a_lock_on_a_file_that_was_removed_meanwhile_does_not_count(tmp_path, monkeypatch):
    opened = os.open

    def open_then_remove(path, *rest):
        descriptor = opened(path, *rest)
        path.unlink()
        return descriptor

    with monkeypatch.context() as racing:
        racing.setattr(os, "open", open_then_remove)
        assert try_lock(tmp_path / "lock") is None


def test_the_lock_ends_with_its_holder_however_that_ends(state, holder):
    assert try_lock(state.job_lock) is None
    holder.kill()
    wait_until(lambda: try_lock(state.job_lock), what="the lock", within_s=5).release()


def test_the_job_is_on_record_while_it_runs(state):
    with only_job(state, ourselves(), "measure x", wait_s=1):
        job = running_job(state)
        assert (job.job, job.what) == (ourselves(), "measure x")
    assert running_job(state) is None
    assert list(state.directory.iterdir()) == []


@pytest.fixture
def swept(state):
    state.make()
    state.swept.write_text("by the guard")
    return state.swept


def be_a_job(state):
    return only_job(state, ourselves(), "measure x", wait_s=1)


@pytest.mark.parametrize("ended", ["well", "killed", "failed"])
def test_after_a_job_that_did_not_end_well_leftovers_are_swept_again(state, swept, ended):
    if ended == "killed":
        state.job.write_text("{}")
    else:
        with suppress(OSError), be_a_job(state):
            if ended == "failed":
                raise OSError("it clings")
    with be_a_job(state):
        assert swept.exists() == (ended == "well")


def test_a_long_wait_is_announced_again_every_minute(monkeypatch, capsys):
    clock = iter([100.0, 100.0, 159.0, 160.0, 160.0])
    monkeypatch.setattr(lock_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    announce = Announcer()
    for _ in range(3):
        announce("for another job to end")
    assert capsys.readouterr().err.count("for another job to end") == 2


@pytest.mark.usefixtures("holder")
def test_a_wait_is_announced_at_once_and_only_once_a_minute(state, capsys):
    with pytest.raises(TestbedBusyError), only_job(state, ourselves(), "b", wait_s=0.7):
        pytest.fail("the lock is held by another process")
    assert capsys.readouterr().err.count("featherbench waits: for another job to end") == 1
