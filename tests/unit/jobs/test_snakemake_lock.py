# SPDX-License-Identifier: Apache-2.0
"""A lock is dropped only when every process that may have taken it is gone."""

import os
import subprocess
import sys

import pytest

from featherbench.errors import DeadlineError
from featherbench.jobs import snakemake_lock
from featherbench.jobs.snakemake_lock import TAKERS, drop_stale_lock
from featherbench.system.processes import identity_of
from featherbench.testbed.lock import try_lock


@pytest.fixture
def lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".snakemake/locks/0.input.lock"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def note(process):
    identity_of(process.pid).write(TAKERS / f"{process.pid}.json")


def test_the_lock_of_a_killed_run_is_dropped(lock, other):
    note(other)
    other.kill()
    other.wait()
    drop_stale_lock()
    assert not lock.exists()
    assert [record.stem for record in TAKERS.iterdir()] == [str(os.getpid())]


def test_the_lock_of_a_living_run_stays(lock, other):
    note(other)
    drop_stale_lock()
    assert lock.exists()


def test_only_one_at_a_time_looks_whose_it_is(lock, other, monkeypatch):
    note(other)
    other.kill()
    other.wait()
    monkeypatch.setattr(snakemake_lock, "OURS_WITHIN_S", 0.1)
    looking = try_lock(snakemake_lock.OUR_LOCK)
    with pytest.raises(DeadlineError):
        drop_stale_lock()
    assert lock.exists()
    looking.release()
    drop_stale_lock()
    assert not lock.exists()
    assert not snakemake_lock.OUR_LOCK.exists()


def test_a_lock_of_nobody_we_know_stays(lock):
    drop_stale_lock()
    assert lock.exists()
