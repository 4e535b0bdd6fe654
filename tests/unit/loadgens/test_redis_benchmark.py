# SPDX-License-Identifier: Apache-2.0
"""redis-benchmark's CSV, captured from Redis 7.0.15 on loopback."""

from pathlib import Path

import pytest

from featherbench.contracts.load_generator import Load
from featherbench.errors import LoadError
from featherbench.loadgens.redis_benchmark import LoadGenerator
from featherbench.records.instance import Endpoint

DATA = Path(__file__).parents[2] / "data" / "loadgens"
ENDPOINT = Endpoint(address="198.18.0.1", port=16379, ping_address="198.18.0.1")


def load(operation="GET", threads=1):
    return Load(
        endpoint=ENDPOINT,
        connections=100,
        threads=threads,
        operation=operation,
        requests=1_000_000,
        pipeline=16,
    )


def parsed(name, operation="GET"):
    text = (DATA / f"{name}.txt").read_text()
    return LoadGenerator().parse(text, "", load(operation))


def test_a_good_run_is_read():
    result = parsed("rb_get")
    assert result.requests == 1_000_000
    assert result.requests_per_s == pytest.approx(1466275.75)
    assert result.duration_s == pytest.approx(0.682, abs=1e-6)  # whole milliseconds, in truth
    assert result.latency_us == {
        "mean": pytest.approx(95),
        "p50": pytest.approx(87),
        "p95": pytest.approx(159),
        "p99": pytest.approx(191),
        "max": pytest.approx(4375),
    }
    assert result.clock_tick_s == 0.001


def test_the_row_of_the_operation_is_read():
    assert parsed("rb_set", "SET").requests_per_s == pytest.approx(1259445.75)
    with pytest.raises(LoadError):
        parsed("rb_set", "GET")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rb_killed", "Connection reset by peer"),
        ("rb_maxclients", "max number of clients"),
        ("rb_oom", "OOM command not allowed"),
        ("rb_refused", "Connection refused"),
    ],
)
def test_a_run_that_was_given_up_is_a_load_error_with_what_it_said(name, said):
    with pytest.raises(LoadError, match=said):
        parsed(name)


def test_a_server_that_hides_its_configuration_does_no_harm():
    text = (DATA / "rb_get.txt").read_text()
    result = LoadGenerator().parse(text, "WARNING: Could not fetch server CONFIG", load())
    assert result.failures == {}


def test_error_replies_are_failures():
    text = (DATA / "rb_get.txt").read_text()
    result = LoadGenerator().parse(text, "Error from server: ERR whatever\n", load())
    assert result.failures == {"error reply": 1}
    assert result.requests == 999_999


def test_it_never_runs_threaded_since_its_clock_is_then_too_coarse():
    assert "--threads" not in LoadGenerator().command(load(threads=8))
    assert parsed("rb_get").threads == 1
