# SPDX-License-Identifier: Apache-2.0
"""One workflow owns the testbed (`reservation`), and one job of it uses it (`session`)."""

import time

import pytest

from featherbench.registry import PLUGINS_VARIABLE
from featherbench.system import polling
from featherbench.system.polling import wait_until
from featherbench.testbed import network, reservation
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import exclusive
from featherbench.testbed.state import STATE_VARIABLE


class DayWithEachLook:
    """A clock on which a day passes whenever somebody has looked whether the testbed is free."""

    passed = 0

    def monotonic(self):
        return time.monotonic() + self.passed * 86_400

    def sleep(self, duration_s):
        time.sleep(duration_s)
        self.passed += duration_s == reservation.POLL_EVERY_S


UNTIL_TOLD = "until [ -e told ]; do sleep 0.1; done"
"""A load that lasts until `tell`."""


def tell(sandbox):
    (sandbox.folder / "told").touch()


def begun(sandbox):
    return wait_until(sandbox.state.lease.exists, what="the lease", within_s=30)


def test_jobs_of_a_workflow_follow_each_other_with_rising_numbers(loopback):
    assert loopback.workflow(jobs=3).wait(timeout=60) == 0
    assert loopback.journal == [
        f"{number} {what}" for number in (1, 2, 3) for what in ("begins", "ends")
    ]


def test_a_second_workflow_waits_and_says_for_whom(loopback):
    first = loopback.workflow(jobs=2, load_s=1.5)
    begun(loopback)
    second = loopback.workflow(jobs=1)
    stderr = second.communicate(timeout=60)[1]
    assert (first.wait(timeout=60), second.returncode) == (0, 0)
    assert stderr.count(f"featherbench waits: for the workflow of pid {first.pid}") == 1
    assert [line.split()[1] for line in loopback.journal] == ["begins", "ends"] * 3


def test_a_second_workflow_gives_up_in_the_end(loopback):
    first = loopback.workflow(jobs=1, load=UNTIL_TOLD)
    begun(loopback)
    second = loopback.workflow(jobs=1, wait_s=0.3)
    stderr = second.communicate(timeout=60)[1]
    assert second.returncode == 1
    assert f"TestbedBusyError: the testbed is owned by the workflow of pid {first.pid}" in stderr
    tell(loopback)
    assert first.wait(timeout=60) == 0


def test_without_a_limit_a_wait_never_gives_up(loopback, monkeypatch):
    monkeypatch.setenv(STATE_VARIABLE, str(loopback.state.directory))
    first = loopback.workflow(jobs=1, load_s=2)
    begun(loopback)
    days = DayWithEachLook()
    monkeypatch.setattr(polling, "time", days)
    with exclusive(what="build"):
        assert days.passed > 1
        assert first.wait(timeout=60) == 0
    release_testbed()


def test_clean_is_refused_while_a_workflow_lives(loopback):
    first = loopback.workflow(jobs=1, load=UNTIL_TOLD)
    begun(loopback)
    refused = loopback.command("clean")
    assert refused.returncode == 1
    assert f"the workflow of pid {first.pid}" in refused.stderr
    tell(loopback)
    assert first.wait(timeout=60) == 0


@pytest.mark.testbed
def test_another_testbed_of_this_machine_is_not_pulled_down(wired, loopback):
    first = wired.workflow(jobs=1, load=UNTIL_TOLD)
    begun(wired)
    assert loopback.workflow(jobs=1).wait(timeout=60) == 0
    loopback.wait_for_guard()
    assert network.NAMESPACE_FILE.exists()
    tell(wired)
    assert first.wait(timeout=60) == 0


def test_who_only_keeps_others_away_is_not_disturbed_by_leftovers_either(loopback, monkeypatch):
    monkeypatch.setenv(STATE_VARIABLE, str(loopback.state.directory))
    monkeypatch.setenv(PLUGINS_VARIABLE, loopback.plugin_folder)
    lost = loopback.lost_instance()
    with exclusive(what="build"):
        assert lost.poll() is not None
    release_testbed()
