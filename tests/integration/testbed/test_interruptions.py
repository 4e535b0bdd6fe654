# SPDX-License-Identifier: Apache-2.0
"""However a workflow or a job ends, its guard (`testbed/guard.py`) leaves nothing behind."""

import os
import random
import signal
import time

import pytest

from featherbench.registry import PLUGINS_VARIABLE
from featherbench.system.polling import wait_until
from featherbench.testbed.lock import running_job
from featherbench.testbed.reservation import current_owner, release_testbed
from featherbench.testbed.session import exclusive
from featherbench.testbed.state import STATE_VARIABLE

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
ROUNDS = (0, 1, pytest.param(2, marks=pytest.mark.slow))
"""Each at other moments."""
LONGEST_S = 2.0


def random_moment(*seed):
    """Give a moment within a workflow of three jobs, the same one in each run of the tests."""
    return random.Random(str(seed)).uniform(0, LONGEST_S)


def pass_the_time_until(moment_s):
    began_s = time.monotonic()
    wait_until(lambda: time.monotonic() - began_s >= moment_s, what="the moment", within_s=60)


@pytest.mark.testbed
@pytest.mark.parametrize("round_number", ROUNDS)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_workflow_that_is_ended_leaves_nothing(wired, number, round_number):
    workflow = wired.workflow()
    pass_the_time_until(random_moment("workflow", number, round_number))
    workflow.send_signal(number)
    workflow.communicate(timeout=30)
    wired.wait_for_guard()
    wait_until(lambda: not wired.processes(), what="end of all processes", within_s=30)
    assert wired.leftovers() == []


@pytest.mark.testbed
@pytest.mark.parametrize("round_number", ROUNDS)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_job_that_is_ended_leaves_nothing(wired, number, round_number):
    workflow = wired.workflow()
    wait_until(lambda: running_job(wired.state), what="the first job", within_s=30)
    pass_the_time_until(random_moment("job", number, round_number) / 2)
    if job := running_job(wired.state):
        os.kill(job.job.pid, number)
    workflow.communicate(timeout=60)
    wired.wait_for_guard()
    assert wired.leftovers() == []
    assert "ends" in wired.journal[-1], "the jobs that follow run all the same"


def is_serving(sandbox):
    return any(b"server.py" in what for what in sandbox.processes().values())


def test_what_a_killed_job_held_without_a_lease_is_gone_for_the_next_one(loopback):
    workflow = loopback.workflow(jobs=2, load_s=1.5, leased="no")
    wait_until(lambda: is_serving(loopback), what="the first instance", within_s=30)
    os.kill(running_job(loopback.state).job.pid, signal.SIGKILL)
    workflow.communicate(timeout=60)
    assert loopback.journal == ["1 begins", "2 begins", "2 ends"]
    loopback.wait_for_guard()
    assert loopback.leftovers() == []


def test_the_guard_knows_the_workflows_plugins(loopback, monkeypatch):
    monkeypatch.setenv(STATE_VARIABLE, str(loopback.state.directory))
    monkeypatch.setenv(PLUGINS_VARIABLE, loopback.plugin_folder)
    with exclusive(what="the root file system"):
        assert current_owner(loopback.state).plugins == (loopback.plugin_folder,)
    lost = loopback.lost_instance()
    release_testbed()
    assert lost.poll() is not None


@pytest.mark.parametrize("number", SIGNALS)
def test_on_loopback_too(loopback, number):
    workflow = loopback.workflow(load_s=30)
    wait_until(loopback.state.lease.exists, what="the lease", within_s=30)
    workflow.send_signal(number)
    workflow.communicate(timeout=30)
    loopback.wait_for_guard()
    assert loopback.leftovers() == []


def test_a_guard_ignores_what_a_terminal_sends(loopback):
    workflow = loopback.workflow(jobs=1, load_s=2)
    wait_until(loopback.state.lease.exists, what="the lease", within_s=30)
    guard = current_owner(loopback.state).guard
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        os.kill(guard.pid, number)
    assert workflow.wait(timeout=30) == 0
    loopback.wait_for_guard()
    assert loopback.leftovers() == []


@pytest.fixture
def killed_with_its_guard(wired):
    """A testbed whose workflow was killed, and its guard before."""
    workflow = wired.workflow(load_s=30)
    wait_until(wired.state.lease.exists, what="the lease", within_s=30)
    os.kill(current_owner(wired.state).guard.pid, signal.SIGKILL)
    workflow.kill()
    workflow.wait(timeout=30)
    return wired


@pytest.mark.testbed
def test_when_the_guard_is_killed_too_the_next_workflow_removes_all(killed_with_its_guard):
    wired = killed_with_its_guard
    orphan = running_job(wired.state)
    assert orphan is not None
    assert wired.workflow(jobs=1).wait(timeout=60) == 0
    wired.wait_for_guard()
    assert wired.leftovers() == []


@pytest.mark.testbed
def test_when_the_guard_is_killed_too_clean_removes_all(killed_with_its_guard):
    wired = killed_with_its_guard
    listed = wired.command("clean", "--dry-run")
    assert listed.returncode == 1
    assert "network namespace fb-client" in listed.stdout
    assert wired.command("clean").returncode == 0
    assert wired.leftovers() == []


@pytest.mark.testbed
def test_a_guard_that_is_killed_alone_is_replaced(wired):
    workflow = wired.workflow(jobs=3, load_s=1)
    wait_until(wired.state.lease.exists, what="the lease", within_s=30)
    os.kill(current_owner(wired.state).guard.pid, signal.SIGKILL)
    assert workflow.wait(timeout=60) == 0
    wired.wait_for_guard()
    assert wired.leftovers() == []
    assert [line.split()[1] for line in wired.journal] == ["begins", "ends"] * 3
