# SPDX-License-Identifier: Apache-2.0

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from builders import instance
from featherbench import registry
from featherbench.errors import MachineSilentError
from featherbench.testbed import lease
from featherbench.testbed.lease import Lease
from featherbench.testbed.state import STATE_VARIABLE


@pytest.fixture
def technology(tmp_path, monkeypatch):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    stopped = []
    driver = SimpleNamespace(stopped=stopped, stop=lambda instance: stopped.append(instance.id))
    monkeypatch.setattr(registry, "platform", lambda *_: driver)
    return driver


@pytest.fixture
def some_lease():
    fields = {"technology": "fake", "hypervisor": "native", "warmed": True}
    return Lease(deployment_id="d", instance=instance(), **fields)


def test_a_lease_is_held_until_it_is_released(technology, some_lease):
    assert lease.current() is None
    lease.store(some_lease)
    assert lease.current() == some_lease
    lease.release()
    assert lease.current() is None
    assert technology.stopped == ["abc"]


def test_releasing_nothing_is_no_error(technology):
    lease.release()
    assert technology.stopped == []


@pytest.mark.usefixtures("technology")
def test_a_lease_that_cannot_be_read_is_forgotten(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "lease.json").write_text("{")
    lease.release()
    assert not (tmp_path / "state" / "lease.json").exists()


@pytest.mark.parametrize(("error", "kept"), [(MachineSilentError, False), (ConnectionError, True)])
def test_a_lease_whose_instance_does_not_stop_is_kept_unless_its_machine_is_silent(
    technology, some_lease, monkeypatch, error, kept
):
    lease.store(some_lease)

    def fail(_instance):
        raise error("it does not answer")

    monkeypatch.setattr(technology, "stop", fail)
    with pytest.raises(error) if kept else nullcontext():
        lease.release()
    assert lease.current() == (some_lease if kept else None)
