# SPDX-License-Identifier: Apache-2.0
"""The example of a user's own load generator: the output of ab 2.3."""

import pytest

from builders import load
from featherbench import registry
from featherbench.errors import LoadError

LOAD = load(connections=4, threads=2, requests=200, path="/payload")


@pytest.fixture
def generator(repository):
    return registry.load("loadgens", "ab", (str(repository / "examples" / "my_drivers"),))


@pytest.fixture
def output_of(repository):
    return lambda name: (repository / "tests/data/loadgens" / f"{name}.txt").read_text()


def test_its_summary_is_read(generator, output_of):
    result = generator.parse(output_of("ab_ok"), "", LOAD)
    assert result.requests == 200
    assert result.duration_s == pytest.approx(0.119)
    assert result.latency_us == {"mean": pytest.approx(2377)}
    assert result.transferred_bytes == 41_000
    assert result.failures == {}


def test_a_bad_status_is_no_successful_response(generator, output_of):
    result = generator.parse(output_of("ab_404"), "", LOAD)
    assert result.requests == 0
    assert result.failures == {"status": 200}


def test_a_refused_connection_is_reported(generator, output_of):
    with pytest.raises(LoadError, match="Connection refused"):
        generator.parse(output_of("ab_refused"), "", LOAD)
