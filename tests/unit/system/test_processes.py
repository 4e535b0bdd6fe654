# SPDX-License-Identifier: Apache-2.0

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from featherbench.system import processes
from featherbench.system.polling import wait_until

SCRIPTS = Path(__file__).parents[3] / "scripts"
STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""
PARENT = """
import subprocess, sys, signal
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
signal.pause()
"""
PATRICIDE = """
import os, subprocess, sys
subprocess.run([sys.executable, "-c", '''
import os
from featherbench.system.processes import end_with_descendants, identity_of
end_with_descendants(identity_of(os.getppid()), grace_s=0.5, what="parent")
print("alive", flush=True)
'''])
"""


@pytest.fixture
def spawn():
    started = []

    def start(source):
        process = subprocess.Popen(
            [sys.executable, "-c", source],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_this_process_lives_and_a_reused_pid_is_another_process():
    us = processes.ourselves()
    assert processes.is_alive(us)
    assert not processes.is_alive(processes.Process(pid=us.pid, started_ticks=us.started_ticks - 1))


def test_a_zombie_is_dead():
    process = subprocess.Popen(["true"])
    wait_until(lambda: processes.identity_of(process.pid) is None, what="end of true", within_s=5)
    process.wait()


@pytest.mark.parametrize(
    ("source", "grace_s", "ended_by"),
    [
        (STUBBORN, 0.1, signal.SIGKILL),
        ("import signal; print(1, flush=True); signal.pause()", 5, signal.SIGTERM),
    ],
    ids=["one that ignores SIGTERM", "one that listens to it"],
)
def test_only_one_that_ignores_sigterm_is_killed(spawn, source, grace_s, ended_by):
    process, _ = spawn(source)
    processes.end(processes.identity_of(process.pid), grace_s=grace_s, what="it")
    assert process.wait(timeout=5) == -ended_by


def test_ending_what_is_gone_already_is_no_error():
    us = processes.ourselves()
    processes.end(
        processes.Process(pid=us.pid, started_ticks=us.started_ticks - 1), grace_s=0.1, what="it"
    )
    processes.end(processes.Process(pid=2**22 - 1, started_ticks=1), grace_s=0.1, what="it")


def test_children_in_sessions_of_their_own_end_too(spawn):
    process, line = spawn(PARENT)
    child = processes.identity_of(int(line))
    parent = processes.identity_of(process.pid)
    assert child in processes.descendants(parent)
    processes.end_with_descendants(parent, grace_s=5, what="it")
    assert not processes.is_alive(child)


def test_a_process_that_ends_its_own_parent_lives_on(spawn):
    _, line = spawn(PATRICIDE)
    assert line == "alive"


def test_processes_are_found_by_a_variable_of_their_environment():
    with subprocess.Popen(["sleep", "60"], env={"FB_TEST_MARK": "of mine"}) as child:
        try:
            wait_until(lambda: [*processes.with_variable("FB_TEST_MARK")], what="exec", within_s=5)
            assert [*processes.with_variable("FB_TEST_MARK")] == [
                ("of mine", processes.identity_of(child.pid))
            ]
        finally:
            child.kill()
    assert [*processes.with_variable("FB_TEST_MARK")] == []
