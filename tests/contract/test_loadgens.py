# SPDX-License-Identifier: Apache-2.0
"""What every load generator must do, the package's and a user's."""

from dataclasses import replace

import pytest

import builders
from featherbench import registry
from featherbench.errors import LoadError

PLUGINS = ("tests/plugins", "examples/my_drivers")
NAMES = sorted(registry.driver_files("loadgens", PLUGINS))
TIMED = [n for n in NAMES if registry.load("loadgens", n, PLUGINS).stops_by == "duration"]


@pytest.fixture(params=NAMES)
def generator(request):
    return registry.load("loadgens", request.param, PLUGINS)


@pytest.fixture
def load(generator):
    end = {"duration_s": 2.0} if generator.stops_by == "duration" else {"requests": 32_000}
    return builders.load(connections=100, threads=2, path="/payload", **end)


def test_its_services_and_its_way_to_stop_are_known_and_only_a_timed_one_has_steps(generator):
    assert generator.services
    assert set(generator.services) <= {"http", "kv"}
    assert generator.stops_by in {"duration", "requests"}
    if generator.stops_by == "duration":
        assert generator.duration_step_s > 0
    else:
        assert generator.duration_step_s is None


@pytest.mark.parametrize("generator", TIMED, indirect=True)
def test_its_command_differs_for_each_step_of_durations(generator, load):
    commands = [
        generator.command(replace(load, duration_s=steps * generator.duration_step_s))
        for steps in (1, 2, 3)
    ]
    assert commands[0] != commands[1] != commands[2]


def test_a_missing_requirement_has_a_remedy(generator, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    (requirement,) = generator.missing_requirements()
    assert requirement.what
    assert requirement.remedy


def test_its_command_contains_the_servers_address_and_port(generator, load):
    command = list(generator.command(load))
    assert all(isinstance(word, str) for word in command)
    assert any(load.endpoint.address in word for word in command)
    assert any(str(load.endpoint.port) in word for word in command)


def test_its_command_depends_only_on_the_load(generator, load):
    assert generator.command(load) == generator.command(load)
    assert generator.command(load) != generator.command(replace(load, connections=50))


def test_it_accepts_fewer_connections_than_threads(generator, load):
    assert generator.command(replace(load, connections=1, threads=8))


@pytest.mark.parametrize("output", ["", "Segmentation fault", "\0\xff{}\n"])
def test_unreadable_output_is_a_load_error(generator, load, output):
    with pytest.raises(LoadError):
        generator.parse(output, "", load)
