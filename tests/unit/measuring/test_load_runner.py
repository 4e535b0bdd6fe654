# SPDX-License-Identifier: Apache-2.0
"""Runs of load: how many requests fill a window, and failures."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import load
from featherbench.errors import CommandError, InstanceDiedError, LoadError
from featherbench.measuring.load_runner import grown, load_for, rescaled, run_load, sized, warm_up

DATA = Path(__file__).parents[2] / "data" / "loadgens"
HEADER = (DATA / "rb_get.txt").read_text().splitlines()[0]


def redis_at(rate_per_s):
    """Answer as redis-benchmark would at that rate."""
    return lambda _: f'{HEADER}\n"GET","{rate_per_s:.2f}"' + ',"0.1"' * 6 + "\n"


def get_load(bench, connections=100):
    return load_for(bench, connections, "GET", pipeline=16, value_bytes=3)


def requests_of(argv):
    return int(argv[argv.index("-n") + 1])


@pytest.mark.parametrize("rate_per_s", [5_000, 200_000, 1_700_000])
def test_a_count_is_found_that_fills_the_window(bench_for, client, rate_per_s):
    client.says = redis_at(rate_per_s)
    bench = bench_for("kv")
    sized_load = sized(bench, "kv", get_load(bench), window_s=2.0)
    assert sized_load.duration_s is None
    assert 2.0 <= sized_load.requests / rate_per_s < 2.0 + 100 * 16 / rate_per_s


def test_trials_stay_short_even_on_a_slow_server(bench_for, client):
    client.says = redis_at(100.0)
    bench = bench_for("kv")
    sized(bench, "kv", get_load(bench, connections=1), window_s=2.0)
    assert len(client.asked) == 1


def test_a_load_that_stops_by_time_needs_no_trial(bench_for, client):
    bench = bench_for("http")
    sized_load = sized(bench, "http", get_load(bench), window_s=2.0)
    assert (sized_load.duration_s, sized_load.requests) == (2.0, None)
    assert client.asked == []


@pytest.mark.parametrize(
    ("generator", "target_s", "lasts_s"),
    [
        ("wrk", 1.5, 2.0),
        ("wrk", 0.2, 1.0),
        ("wrk", 3.0, 3.0),
        ("h2load", 1.5, 1.5),
        ("h2load", 0.3, 0.3),
        ("h2load", 0.0001, 0.001),
    ],
)
def test_a_load_lasts_as_long_as_its_generator_allows(bench_for, generator, target_s, lasts_s):
    bench = bench_for("http", load_generators={"http": generator})
    sized_load = sized(bench, "http", get_load(bench), window_s=target_s)
    assert sized_load.duration_s == pytest.approx(lasts_s, rel=1e-9)


@given(
    requests=st.integers(1, 10**9),
    took_s=st.floats(1e-3, 100),
    target_s=st.floats(0.1, 100),
    connections=st.integers(1, 1000),
    pipeline=st.integers(1, 64),
)
def test_counts_are_whole_pipelines_for_each_connection(
    requests, took_s, target_s, connections, pipeline
):
    counted = load(connections=connections, requests=requests, pipeline=pipeline)
    scaled = rescaled(counted, took_s, target_s).requests
    assert scaled % (connections * pipeline) == 0
    assert scaled >= max(1, requests * target_s / took_s * (1 - 1e-9))


@given(requests=st.integers(1, 10**8), took_s=st.floats(0, 0.2))
def test_trials_grow_but_never_run_away(requests, took_s):
    assert 2 * requests <= grown(requests, took_s) <= 20 * requests


def test_the_death_of_the_server_is_reported_before_the_load_generators_failure(
    bench_for, technology, client
):
    technology.running = False
    client.says = lambda _: "Error: Connection reset by peer"
    bench = bench_for("kv")
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        run_load(bench, "kv", counted_load(bench), expected_s=1.0)


def counted_load(bench):
    return replace(get_load(bench), requests=16_000)


def test_a_load_generator_that_gives_up_is_a_load_error(bench_for, client):
    client.says = lambda _: "Error from server: ERR max number of clients reached"
    bench = bench_for("kv")
    with pytest.raises(LoadError, match="max number of clients"):
        run_load(bench, "kv", counted_load(bench), expected_s=1.0)


def test_a_load_generator_that_hangs_is_a_load_error(bench_for, client):
    def hangs(argv):
        raise CommandError(argv, "did not end within 34 s")

    client.says = hangs
    bench = bench_for("kv")
    with pytest.raises(LoadError, match="did not end"):
        run_load(bench, "kv", counted_load(bench), expected_s=1.0)


def test_a_bad_exit_status_without_failures_is_a_load_error(bench_for, client):
    client.says, client.exit_status = redis_at(1e6), 139
    bench = bench_for("kv")
    with pytest.raises(LoadError, match="status 139"):
        run_load(bench, "kv", counted_load(bench), expected_s=1.0)


def test_no_warm_up_is_no_load(bench_for, client):
    bench = bench_for("kv")
    assert warm_up(bench, "kv", get_load(bench), duration_s=0) == {}
    assert client.asked == []


def test_a_warm_up_reports_its_load(bench_for, client):
    client.says = redis_at(1e6)
    bench = bench_for("kv")
    report = warm_up(bench, "kv", get_load(bench), duration_s=1.0)
    assert report["connections"] == 100
    assert report["requests"] == requests_of(client.asked[-1])
    assert report["duration_s"] == pytest.approx(1.0, rel=0.01)
