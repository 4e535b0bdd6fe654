# SPDX-License-Identifier: Apache-2.0
"""redis-benchmark's CSV, captured from Redis 7.0.15 on loopback."""

from dataclasses import replace
from pathlib import Path

import pytest

from builders import load
from featherbench.errors import LoadError
from featherbench.loadgens.redis_benchmark import LoadGenerator

DATA = Path(__file__).parents[2] / "data" / "loadgens"


LOAD = load(connections=100, requests=1_000_000, pipeline=16)


def parsed(name, operation="GET"):
    text = (DATA / f"{name}.txt").read_text()
    return LoadGenerator().parse(text, "", replace(LOAD, operation=operation))


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
    ("name", "message"),
    [
        ("rb_killed", "Connection reset by peer"),
        ("rb_maxclients", "max number of clients"),
        ("rb_oom", "OOM command not allowed"),
        ("rb_refused", "Connection refused"),
    ],
)
def test_a_run_that_was_aborted_is_a_load_error_with_its_message(name, message):
    with pytest.raises(LoadError, match=message):
        parsed(name)


def test_a_server_that_hides_its_configuration_causes_no_failure():
    text = (DATA / "rb_get.txt").read_text()
    result = LoadGenerator().parse(text, "WARNING: Could not fetch server CONFIG", LOAD)
    assert result.failures == {}


def test_error_replies_are_failures():
    text = (DATA / "rb_get.txt").read_text()
    result = LoadGenerator().parse(text, "Error from server: ERR whatever\n", LOAD)
    assert result.failures == {"error reply": 1}
    assert result.requests == 999_999


def test_it_never_runs_threaded_since_its_clock_is_then_too_coarse():
    assert "--threads" not in LoadGenerator().command(replace(LOAD, threads=8))
    assert parsed("rb_get").threads == 1
