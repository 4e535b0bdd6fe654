# SPDX-License-Identifier: Apache-2.0
"""The owner's record is made again from its guard, so that a lost one hangs nobody."""

import subprocess
import sys
import threading

import pytest

from featherbench.errors import TestbedBusyError
from featherbench.system.polling import wait_until
from featherbench.system.processes import command_line, identity_of
from featherbench.testbed import cleanup, reservation
from featherbench.testbed.reservation import GUARD_MODULE, current_owner
from featherbench.testbed.state import STATE_VARIABLE, State


@pytest.fixture
def state(tmp_path):
    state = State(directory=tmp_path / "state")
    state.make()
    return state


@pytest.fixture
def guard(state, monkeypatch):
    """A process that looks like the guard of our own workflow."""
    monkeypatch.setenv(STATE_VARIABLE, str(state.directory))
    workflow = reservation.our_workflow()
    identity = (str(workflow.pid), str(workflow.started_ticks), "/a folder")
    process = subprocess.Popen(
        [sys.executable, "-c", "input()", "-m", GUARD_MODULE, *identity], stdin=subprocess.PIPE
    )
    wait_until(lambda: GUARD_MODULE in command_line(process.pid), what="the guard", within_s=5)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("content", [None, "", '{"workflow": {', "\0"])
def test_a_lost_record_is_made_again(state, guard, monkeypatch, capsys, content):
    if content is not None:
        state.owner.write_text(content)
    monkeypatch.setattr(reservation, "_start_guard", lambda *_: None)  # it finds the lock taken
    workflow = reservation.our_workflow()
    owner = reservation.acquire(state, workflow, wait_s=0)
    assert (owner.workflow, owner.guard) == (workflow, identity_of(guard.pid))
    assert owner.cwd == "/a folder"
    assert current_owner(state) == owner
    assert f"{state.owner} was lost or damaged" in capsys.readouterr().err


@pytest.mark.usefixtures("guard")
def test_clean_names_the_workflow_though_its_record_is_damaged(state):
    state.owner.write_text("{")
    with pytest.raises(TestbedBusyError, match=r"in /a folder"):
        cleanup.planned_steps(state, ())


def test_a_guard_that_leaves_gets_no_record(state, guard):
    leaving = threading.Timer(0.2, guard.communicate)
    leaving.start()
    assert reservation.restored_owner(state) is None
    leaving.join()


def test_without_a_guard_there_is_no_owner(state):
    state.owner.write_text("{")
    assert reservation.restored_owner(state) is None
