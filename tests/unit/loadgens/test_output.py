# SPDX-License-Identifier: Apache-2.0
"""What the load generators print, and what is read from it; their commands.

Captured on loopback: our own against nginx and Redis, wrk 4.1.0 and h2load of nghttp2 1.52.0
against nginx, redis-benchmark of Redis 7.0.15, and ab 2.3, the example of a user's own. As others
have reported or as its sources print it: weighttp's (0.4, and since), the tables of eight columns
of nghttp2 1.69 and 1.70, Redis 6.0's CSV.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - many values are approximate

import builders
from builders import DATA, load
from featherbench import registry
from featherbench.contracts.load_generator import even_threads
from featherbench.errors import LoadError
from featherbench.loadgens import featherbench as own
from featherbench.loadgens import h2load, redis_benchmark, weighttp, wrk
from featherbench.services.kv import BENCHMARK_KEY

EXPECTED = builders.captured("loadgens/expected")
EXAMPLES = (str(Path(__file__).parents[3] / "examples/my_drivers"),)
GENERATORS = {
    "fb": (own.LoadGenerator(), load(duration_s=0.3)),
    "wrk": (wrk.LoadGenerator(), load(duration_s=2.0)),
    "h2": (h2load.LoadGenerator(), load(connections=4, duration_s=2.0)),
    "rb": (redis_benchmark.LoadGenerator(), load(connections=100, requests=10**6, operation="GET")),
    "weighttp": (weighttp.LoadGenerator(), load(connections=100, threads=4, requests=100_000)),
    "ab": (registry.load("loadgens", "ab", EXAMPLES), load(connections=4, requests=200)),
}
"""By the beginning of the names of captures: the load generator, and its usual load."""


def captured(name):
    return (DATA / f"loadgens/{name}.txt").read_text()


def parsed(name, stderr="", **changes):
    generator, usual = GENERATORS[name.partition("_")[0]]
    return generator.parse(captured(name), stderr, replace(usual, **changes))


def command(name, **changes):
    generator, usual = GENERATORS[name]
    return generator.command(replace(usual, **changes))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_good_run_is_read(name):
    expected = dict(EXPECTED[name])
    result = parsed(name, connections=expected.pop("connections"))
    latency_us = expected.pop("latency_us", result.latency_us)
    assert {key: getattr(result, key) for key in expected} == approx(expected, rel=1e-7)
    assert result.latency_us == approx(latency_us, rel=1e-7)
    assert result.failures == {}


@pytest.mark.parametrize(
    ("name", "requests", "failures"),
    [
        ("fb_404", 0, {"status": 17369}),
        ("fb_refused", 0, {"refused": 10}),
        ("wrk_404", 0, {"status": 71283}),
        ("wrk_killed", ..., {"read": 12, "write": 170298}),
        ("wrk_worker", ..., {"read": 10}),
        ("wrk_nofile", ..., {"connect": 46}),
        ("wrk_hang", 0, {}),
        ("h2_302", 0, {"3xx": 51210}),
        ("h2_404", 0, {"4xx": 53178}),
        ("h2_503", 0, {"5xx": 52124}),
        ("h2_refused", 0, {"connect": 4}),
        ("weighttp_404", 60_000, {"4xx": 40000}),
        ("weighttp_json", 99990, {"5xx": 3, "failed": 7}),
        ("ab_404", 0, {"status": 200}),
    ],
)
def test_failures_are_no_successful_responses_and_count_once(name, requests, failures):
    result = parsed(name)
    assert requests in (..., result.requests)
    assert result.failures == failures


@pytest.mark.parametrize("name", ["h2_killed", "h2_worker"])
def test_connections_lost_on_the_way_are_failures_although_h2load_reports_none(name):
    assert parsed(name, connections=10).failures.keys() == {"lost connection"}


def test_a_connections_mean_rate_is_read_of_eight_columns_as_well():
    """Half of the connections are lost if they made 499.5 requests/s each, but not of 250."""
    half = captured("h2_eight").replace("4995.00 req/s", "2497.50 req/s")
    generator, usual = GENERATORS["h2"]
    result = generator.parse(half, "", replace(usual, connections=10))
    assert result.failures == {"lost connection": 5}


def test_a_table_of_an_unknown_layout_is_no_result_and_not_one_without_latencies():
    generator, usual = GENERATORS["h2"]
    wider = captured("h2_eight").replace("88.00%", "88.00% 1us")
    with pytest.raises(LoadError, match="no result"):
        generator.parse(wider, "", usual)


def test_a_server_that_never_answers_gives_no_request():
    assert parsed("h2_hang").requests == 0


def test_failed_requests_are_not_in_weighttps_rate_as_they_are_in_its_own():
    assert parsed("weighttp_404").requests_per_s == approx(60000 / 2.345678)
    assert parsed("weighttp_json").duration_s == approx(2.345678)


def test_error_replies_of_redis_are_failures_but_a_hidden_configuration_is_none():
    result = parsed("rb_get", "Error from server: ERR whatever\n")
    assert (result.requests, result.failures) == (999_999, {"error reply": 1})
    assert parsed("rb_get", "WARNING: Could not fetch server CONFIG").failures == {}


def test_the_row_of_the_operation_is_read():
    assert parsed("rb_set", operation="SET").requests_per_s == approx(1259445.75)
    with pytest.raises(LoadError):
        parsed("rb_set", operation="GET")


@pytest.mark.parametrize(
    ("name", "stderr", "message"),
    [
        ("fb", "featherbench-load: the CPU cannot be used: Invalid argument", "cannot be used"),
        ("fb", captured("fb_http").replace('"format":1', '"format":2'), "no result"),
        ("fb", captured("fb_http")[:100], "no result"),
        ("wrk", captured("wrk_refused"), "Connection refused"),
        ("h2", "client could not connect to host", "could not connect"),
        ("rb", captured("rb_killed"), "Connection reset by peer"),
        ("rb", captured("rb_maxclients"), "max number of clients"),
        ("rb", captured("rb_oom"), "OOM command not allowed"),
        ("rb", captured("rb_refused"), "Connection refused"),
        ("weighttp", "error: num of requests has to be > 0", "num of requests"),
        ("ab", captured("ab_refused"), "Connection refused"),
    ],
)
def test_a_run_without_a_result_is_a_load_error_with_its_message(name, stderr, message):
    generator, usual = GENERATORS[name]
    for output in (("", stderr), (stderr, "")):
        with pytest.raises(LoadError, match=message):
            generator.parse(*output, usual)


def test_durations_are_in_the_units_of_the_program():
    assert "--duration=3s" in command("wrk", duration_s=2.1)
    assert "--duration=1500ms" in command("h2", duration_s=1.5)
    assert "--seconds=0.25" in command("fb", duration_s=0.25)


def test_our_own_checks_what_is_known_of_the_responses():
    known = command("fb", path="/payload", response_bytes=1150, cpus=(2, 3, 5), threads=2)
    assert {"--protocol=http", "--line=path /payload", "--line=length 1150"} <= set(known)
    assert "--cpus=2,3" in known
    assert "length" not in " ".join(command("fb"))
    get = command("fb", service="kv", operation="GET", pipeline=16, value_bytes=3)
    assert {"--protocol=resp", "--depth=16", "--line=argument GET", "--line=length 3"} <= set(get)
    assert f"--line=argument {BENCHMARK_KEY}" in get
    assert "--line=value 7" in command("fb", service="kv", operation="SET", value_bytes=7)


def test_our_own_makes_windows_of_several_operations_over_the_same_connections():
    generator, _ = GENERATORS["fb"]
    read = load(service="kv", operation="GET", pipeline=16, duration_s=0.5, seed=3)
    write = replace(read, operation="SET", rate_per_s=20_000.0, arrivals="constant")
    argv = generator.session_command([read, write])
    assert [word for word in argv if word.startswith("--line=request")] == [
        "--line=request GET 1",
        "--line=request SET 1",
    ]
    assert {"--depth=16", "--spin=100", "--seed=3"} <= set(argv), "the second loop is open"
    assert generator.window_request(read) == "window seconds=0.5 only=GET"
    assert generator.window_request(write) == (
        "window seconds=0.5 only=SET rate=20000 arrivals=constant"
    )
    assert generator.command(read)[-2:] == ["--seconds=0.5", "--only=GET"]


def test_an_open_loop_says_what_it_was_asked_for_and_the_histogram_is_whole():
    closed = parsed("fb_http")
    assert sum(count for _, count in closed.histogram) == 16659
    assert (closed.histogram[0], closed.cpu_s) == ((25216, 1), approx(0.111918302))
    assert (closed.offered, closed.lateness_us) == (None, {})
    opened = parsed("fb_open")
    assert (opened.requests, opened.offered, opened.unsent, opened.waited) == (66, 66, 0, 0)
    assert opened.latency_us["p50"] == 755.712
    assert 0 < opened.lateness_us["p50"] < opened.latency_us["p50"]
    short = parsed("fb_short_of_rate")
    assert (short.requests, short.offered, short.unsent, short.waited) == (20, 24 + 42, 42, 20)


def test_our_own_is_compiled_once_and_a_compiler_that_fails_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sources").mkdir()
    source = tmp_path / "sources/load.c"
    source.write_text("int main(void) { return 0; }")
    monkeypatch.setattr(own, "SOURCES", source.parent)
    generator, _ = GENERATORS["fb"]
    generator.prepare()
    (program,) = (tmp_path / "results/programs").iterdir()
    assert command("fb")[0] == str(program)
    made_ns = program.stat().st_mtime_ns
    generator.prepare()
    assert program.stat().st_mtime_ns == made_ns
    program.unlink()
    source.write_text("int main(void) { return nothing; }")
    with pytest.raises(LoadError, match=r"(?s)cannot be compiled.*nothing") as failed:
        generator.prepare()
    assert failed.value.remedy == "apt-get install gcc libc6-dev"
    assert list(program.parent.iterdir()) == []


def test_wrks_report_script_is_found_from_anywhere():
    (option,) = (word for word in command("wrk") if word.startswith("--script="))
    script = Path(option.removeprefix("--script="))
    assert script.is_absolute()
    assert "function done" in script.read_text()


def test_redis_benchmark_never_runs_threaded_since_its_clock_is_then_too_coarse():
    assert "--threads" not in command("rb", threads=8)


def test_weighttp_keeps_connections_alive():
    argv = command("weighttp", path="/payload")
    assert argv[:2] == ["weighttp", "-k"]
    assert argv[-1] == "http://198.18.0.1:18080/payload"


def test_no_connection_is_lost_to_uneven_threads():
    assert "--threads=2" in command("wrk", connections=100, threads=3)


@given(connections=st.integers(1, 2000), most=st.integers(1, 64))
def test_threads_divide_connections(connections, most):
    threads = even_threads(connections, most)
    assert 1 <= threads <= most
    assert connections % threads == 0
