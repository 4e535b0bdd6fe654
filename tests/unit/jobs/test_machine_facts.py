# SPDX-License-Identifier: Apache-2.0
"""Drivers' facts for the record of the machine."""

from types import SimpleNamespace

import pytest

from featherbench.contracts.settings import DriverSettings
from featherbench.errors import UnavailableError
from featherbench.jobs import machine_facts


def no_answer():
    raise UnavailableError("the daemon does not answer")


def technology(facts, missing=()):
    return SimpleNamespace(facts=facts, missing_requirements=lambda: missing)


DRIVERS = {
    "technologies": {
        "a": technology(lambda: {"version": "1"}),
        "b": technology(no_answer),
        "c": technology(lambda: {"version": "2"}, missing=("root",)),
        "d": technology(dict),
    },
    "hypervisors": {
        "x": SimpleNamespace(Settings=DriverSettings, facts=lambda settings: {"set": str(settings)})
    },
}


@pytest.fixture
def facts(monkeypatch):
    registry = machine_facts.registry
    monkeypatch.setattr(registry, "driver_files", lambda kind: DRIVERS[kind])
    monkeypatch.setattr(registry, "load", lambda kind, name: DRIVERS[kind][name])
    return machine_facts.driver_facts({})


def test_a_daemon_that_does_not_answer_is_a_fact_as_well(facts):
    assert facts["a"] == {"version": "1"}
    assert facts["b"] == {"not available": "the daemon does not answer"}
    assert "set" in facts["x"]


def test_what_cannot_run_here_and_what_has_no_facts_is_left_out(facts):
    assert set(facts) == {"a", "b", "x"}
