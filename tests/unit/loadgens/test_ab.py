# SPDX-License-Identifier: Apache-2.0
"""The example of a load generator of one's own: what ab 2.3 prints."""

import pytest

from featherbench import registry
from featherbench.contracts.load_generator import Load
from featherbench.errors import LoadError
from featherbench.records.instance import Endpoint

LOAD = Load(
    endpoint=Endpoint(address="127.0.0.1", port=18999, ping_address="127.0.0.1"),
    connections=4,
    threads=2,
    operation="GET",
    requests=200,
    path="/payload",
)


@pytest.fixture
def generator(repository):
    return registry.load("loadgens", "ab", (str(repository / "examples" / "my_drivers"),))


@pytest.fixture
def said(repository):
    return lambda name: (repository / "tests/data/loadgens" / f"{name}.txt").read_text()


def test_its_summary_is_read(generator, said):
    result = generator.parse(said("ab_ok"), "", LOAD)
    assert result.requests == 200
    assert result.duration_s == pytest.approx(0.119)
    assert result.latency_us == {"mean": pytest.approx(2377)}
    assert result.transferred_bytes == 41_000
    assert result.failures == {}


def test_a_bad_status_is_no_good_response(generator, said):
    result = generator.parse(said("ab_404"), "", LOAD)
    assert result.requests == 0
    assert result.failures == {"status": 200}


def test_a_refused_connection_is_told(generator, said):
    with pytest.raises(LoadError, match="Connection refused"):
        generator.parse(said("ab_refused"), "", LOAD)
