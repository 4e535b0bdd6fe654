# SPDX-License-Identifier: Apache-2.0
"""What every load generator must do, found as the configuration finds them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from featherbench import registry
from featherbench.contracts.load_generator import Load
from featherbench.errors import LoadError
from featherbench.records.instance import Endpoint

PLUGINS = ("tests/plugins", "examples/my_drivers")
NAMES = sorted(registry.driver_files("loadgens", PLUGINS))
TIMED = [n for n in NAMES if registry.load("loadgens", n, PLUGINS).stops_by == "duration"]


@pytest.fixture(params=NAMES)
def generator(request):
    return registry.load("loadgens", request.param, PLUGINS)


@pytest.fixture
def load(generator):
    return Load(
        endpoint=Endpoint(address="198.18.0.1", port=18080, ping_address="198.18.0.1"),
        connections=100,
        threads=2,
        operation="GET",
        path="/payload",
        **({"duration_s": 2.0} if generator.stops_by == "duration" else {"requests": 32_000}),
    )


def test_it_says_whose_protocol_it_speaks_and_when_it_stops(generator):
    assert generator.service in {"http", "kv"}
    assert generator.stops_by in {"duration", "requests"}


def test_it_says_which_durations_it_can_be_told(generator):
    if generator.stops_by == "duration":
        assert generator.duration_step_s > 0
    else:
        assert generator.duration_step_s is None


@pytest.mark.parametrize("generator", TIMED, indirect=True)
def test_its_command_tells_apart_what_its_step_allows(generator, load):
    told = [
        generator.command(replace(load, duration_s=steps * generator.duration_step_s))
        for steps in (1, 2, 3)
    ]
    assert told[0] != told[1] != told[2]


def test_what_it_lacks_comes_with_a_remedy(generator, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    (lack,) = generator.missing_requirements()
    assert lack.what
    assert lack.remedy


def test_its_command_is_a_list_of_words_that_names_the_server(generator, load):
    command = list(generator.command(load))
    assert all(isinstance(word, str) for word in command)
    assert any(load.endpoint.address in word for word in command)
    assert any(str(load.endpoint.port) in word for word in command)


def test_its_command_depends_on_the_load_only(generator, load):
    assert generator.command(load) == generator.command(load)
    assert generator.command(load) != generator.command(replace(load, connections=50))


def test_it_accepts_fewer_connections_than_threads(generator, load):
    assert generator.command(replace(load, connections=1, threads=8))


@pytest.mark.parametrize("output", ["", "Segmentation fault", "\0\xff{}\n"])
def test_output_that_it_cannot_read_is_a_load_error(generator, load, output):
    with pytest.raises(LoadError):
        generator.parse(output, "", load)
