# SPDX-License-Identifier: Apache-2.0
"""The machine record, and the versions of the tools in it."""

from types import SimpleNamespace

import pytest

from builders import captured
from featherbench.contracts.settings import DriverSettings
from featherbench.errors import UnavailableError
from featherbench.inspection import collect
from featherbench.system.programs import parse_version


@pytest.mark.parametrize(
    ("output", "version"),
    captured("messages/versions"),
)
def test_versions_of_tools(output, version):
    assert parse_version(output) == version


def test_the_record_of_an_unknown_machine_can_be_read_back(tmp_path):
    record = collect.collect(checkout=tmp_path, technologies={}, findings=(), root=tmp_path)
    assert record.cpu_model is None
    assert record.git_commit is None
    record.write(tmp_path / "machine.json")
    assert collect.MachineRecord.read(tmp_path / "machine.json") == record


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
    registry = collect.registry
    monkeypatch.setattr(registry, "driver_files", lambda kind: DRIVERS[kind])
    monkeypatch.setattr(registry, "load", lambda kind, name: DRIVERS[kind][name])
    return collect.driver_facts({})


def test_a_daemon_that_does_not_answer_is_a_fact_as_well(facts):
    assert facts["a"] == {"version": "1"}
    assert facts["b"] == {"not available": "the daemon does not answer"}
    assert "set" in facts["x"]


def test_what_cannot_run_here_and_what_has_no_facts_is_left_out(facts):
    assert set(facts) == {"a", "b", "x"}
