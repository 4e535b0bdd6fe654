# SPDX-License-Identifier: Apache-2.0
"""Runs of load, how many requests fill a window, and windows of load as they are recorded."""

from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import DATA, load, write_tree
from featherbench.errors import CommandError, InstanceDiedError, LoadError
from featherbench.measuring import load_windows
from featherbench.records.cell import Verdict
from featherbench.system import energy
from featherbench.system.energy import ZONES

WRK_OK = (DATA / "loadgens/wrk_ok.txt").read_text()
SLOW, FAST = 1e6, 4e6
HEADER = (DATA / "loadgens/rb_get.txt").read_text().splitlines()[0]


def redis_at(*rates_per_s):
    """Answer as redis-benchmark would at these rates, one after the other."""
    rates = cycle(rates_per_s)
    return lambda _: f'{HEADER}\n"GET","{next(rates):.2f}"' + ',"0.1"' * 6 + "\n"


def get_load(bench, connections=100):
    return load_windows.load_for(bench, connections, "GET", pipeline=16, value_bytes=3)


@pytest.mark.parametrize("rate_per_s", [5_000, 200_000, 1_700_000])
def test_a_count_is_found_that_fills_the_window(bench_for, client, rate_per_s):
    client.says = redis_at(rate_per_s)
    bench = bench_for("kv")
    sized_load = load_windows.sized(bench, "kv", get_load(bench), window_s=2.0)
    assert sized_load.duration_s is None
    assert 2.0 <= sized_load.requests / rate_per_s < 2.0 + 100 * 16 / rate_per_s


def test_trials_stay_short_even_on_a_slow_server(bench_for, client):
    client.says = redis_at(100.0)
    bench = bench_for("kv")
    load_windows.sized(bench, "kv", get_load(bench, connections=1), window_s=2.0)
    assert len(client.asked) == 1


def test_a_load_that_stops_by_time_needs_no_trial(bench_for, client):
    bench = bench_for("http")
    sized_load = load_windows.sized(bench, "http", get_load(bench), window_s=2.0)
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
    sized_load = load_windows.sized(bench, "http", get_load(bench), window_s=target_s)
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
    scaled = load_windows.rescaled(counted, took_s, target_s).requests
    assert scaled % (connections * pipeline) == 0
    assert scaled >= max(1, requests * target_s / took_s * (1 - 1e-9))


@given(requests=st.integers(1, 10**8), took_s=st.floats(0, 0.2))
def test_trials_grow_but_never_run_away(requests, took_s):
    assert 2 * requests <= load_windows.grown(requests, took_s) <= 20 * requests


def test_the_death_of_the_server_is_reported_before_the_load_generators_failure(
    bench_for, technology, client
):
    technology.running = False
    client.says = lambda _: "Error: Connection reset by peer"
    bench = bench_for("kv")
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        load_windows.run_load(bench, "kv", counted_load(bench), expected_s=1.0)


def counted_load(bench):
    return replace(get_load(bench), requests=16_000)


def hangs(argv):
    raise CommandError(argv, "did not end within 34 s")


@pytest.mark.parametrize(
    ("answer", "exit_status", "message"),
    [
        (lambda _: "Error from server: ERR max number of clients", 0, "max number of clients"),
        (hangs, 0, "did not end"),
        (redis_at(1e6), 139, "status 139"),
    ],
    ids=["gives up", "hangs", "has a bad exit status"],
)
def test_a_load_generator_that_fails_is_a_load_error(
    bench_for, client, answer, exit_status, message
):
    client.says, client.exit_status = answer, exit_status
    bench = bench_for("kv")
    with pytest.raises(LoadError, match=message):
        load_windows.run_load(bench, "kv", counted_load(bench), expected_s=1.0)


def test_no_warm_up_is_no_load(bench_for, client):
    bench = bench_for("kv")
    assert load_windows.warm_up(bench, "kv", get_load(bench), duration_s=0) == {}
    assert client.asked == []


def test_a_warm_up_reports_its_load(bench_for, client):
    client.says = redis_at(1e6)
    bench = bench_for("kv")
    report = load_windows.warm_up(bench, "kv", get_load(bench), duration_s=1.0)
    assert report["connections"] == 100
    argv = client.asked[-1]
    assert report["requests"] == int(argv[argv.index("-n") + 1])
    assert report["duration_s"] == pytest.approx(1.0, rel=0.01)


@pytest.fixture
def windows_of(bench_for, client):
    """Take windows of http; `says` returns what wrk prints, by default after two seconds."""

    def take(says=lambda: WRK_OK, *, window_s=2.0, count=1, bench=None):
        client.says = lambda _: says()
        bench = bench or bench_for("http")
        load = load_windows.sized(
            bench, "http", load_windows.load_for(bench, 10, path="/payload"), window_s=window_s
        )
        given = {"bench": bench, "load": load, "window_s": window_s}
        series = load_windows.WindowSeries(
            service="http", metrics=load_windows.load_metrics("http", service="http"), **given
        )
        for _ in range(count):
            series.take()
        return series.windows

    return take


def test_windows_are_numbered_and_have_figures_and_how_busy_both_sides_were(windows_of):
    windows = windows_of(count=2)
    assert [window.index for window in windows] == [1, 2]
    window = windows[0]
    assert (window.metric, window.unit) == ("http_throughput", "requests/s")
    assert window.value == pytest.approx(114105.36, abs=0.01)
    assert window.requests == 228251
    assert (window.client_cpu_s, window.server_cpu_s) == (1.0, 1.0)
    assert window.command[0] == "wrk"
    names = {measure.metric: measure.unit for measure in window.secondary}
    assert names == {
        **{f"http_latency_{s}": "us" for s in ("mean", "p50", "p90", "p99", "max")},
        "http_transfer": "bytes/s",
        "http_cpu_per_request_instance": "us",
    }
    assert window.secondary[-1].value == pytest.approx(1e6 * 1.0 / 228251)


def test_a_window_is_judged_by_the_duration_that_was_requested(windows_of):
    (window,) = windows_of(window_s=1.5)
    assert "--duration=2s" in window.command
    assert window.reasons == ()
    (short,) = windows_of(window_s=2.1)  # wrk gets three
    assert short.reasons[0].startswith("too short: 2 s, of at least 2.7 s")


def test_how_busy_the_server_was_is_recorded_as_it_is_judged(windows_of, bench_for, machine):
    bench = bench_for("http")
    bench = replace(bench, placement=replace(bench.placement, cpus=(1, 2)))
    stat = machine.root / "proc/stat"
    stat.write_text("cpu1 0 0 0 0 0 0 0 0\ncpu2 0 0 0 0 0 0 0 0\n")

    def says():
        stat.write_text("cpu1 97 0 0 3 0 0 0 0\ncpu2 1 0 0 99 0 0 0 0\n")
        return WRK_OK

    (window,) = windows_of(says, bench=bench)
    measured = {measure.metric: measure.value for measure in window.secondary}
    assert window.server_busy_fraction == pytest.approx(0.97)
    assert window.notes["server_cpus_busy_fraction"] == pytest.approx(0.49)
    assert measured["http_cpu_per_request"] == pytest.approx(1e6 * 0.98 / 228251)


def test_what_a_request_costs_in_energy_is_told_with_and_without_what_an_idle_machine_uses(
    windows_of, machine, monkeypatch
):
    counter = machine.root / ZONES.relative_to("/") / "intel-rapl:0"
    write_tree(counter, name="package-0", energy_uj="0", max_energy_range_uj="262143328850")
    monkeypatch.setattr(energy, "idle_power_w", lambda _: 0.001)

    def says():
        (counter / "energy_uj").write_text("22825100")
        return WRK_OK

    (window,) = windows_of(says)
    measured = {measure.metric: measure.value for measure in window.secondary}
    assert measured["http_energy_per_request"] == pytest.approx(100)
    assert 99 < measured["http_energy_per_request_above_idle"] < 100


def test_a_window_with_failures_is_invalid(windows_of):
    (window,) = windows_of((DATA / "loadgens/wrk_404.txt").read_text)
    assert window.verdict == Verdict.INVALID
    assert window.failures == {"status": 71283}
    assert "failures: 71283 status" in window.reasons


def test_a_server_that_died_makes_no_window(windows_of, technology):
    technology.running = False
    with pytest.raises(InstanceDiedError):
        windows_of()


def test_a_load_generator_that_is_kept_open_is_asked_for_each_window(bench_for, client):
    said = (DATA / "loadgens/fb_http.txt").read_text()
    client.says = lambda _: said
    bench = bench_for("http", load_generators={"http": "featherbench"})
    load = replace(load_windows.load_for(bench, 10), duration_s=0.3)
    metrics = load_windows.load_metrics("http", service="http")
    with load_windows.opened(bench, "http", [load]) as generator:
        series = load_windows.WindowSeries(
            bench=bench,
            service="http",
            metrics=metrics,
            load=load,
            window_s=0.3,
            session=generator,
        )
        series.take()
        series.take()
    requests = [argv[-1] for argv in client.asked if argv[-1].startswith("window")]
    assert requests == ["window seconds=0.01 only=GET", *["window seconds=0.3 only=GET"] * 2]
    window = series.windows[-1]
    assert window.command[-2:] == ("--seconds=0.3", "--only=GET")
    assert window.client_cpu_s == pytest.approx(0.111918302)
    assert sum(count for _, count in window.histogram) == 16659


def test_a_load_generator_that_dies_before_its_first_window_is_a_load_error(bench_for, client):
    client.says = hangs
    bench = bench_for("http", load_generators={"http": "featherbench"})
    load = replace(load_windows.load_for(bench, 10), duration_s=0.3)
    with (
        pytest.raises(LoadError, match="did not end"),
        load_windows.opened(bench, "http", [load]),
    ):
        pass


def kv_series(bench, client, rates_per_s, **changes):
    """A series on a server that has these rates, one after the other."""
    client.says = redis_at(*rates_per_s)
    counted = load_windows.rescaled(replace(get_load(bench), requests=int(SLOW)), 1.0, 2.0)
    metrics = load_windows.load_metrics("kv_get", service="kv")
    return load_windows.WindowSeries(
        bench=bench, service="kv", metrics=metrics, load=counted, window_s=2.0, **changes
    )


def test_a_count_that_is_too_low_is_corrected_once_and_the_short_window_stays(bench_for, client):
    series = kv_series(bench_for("kv"), client, [FAST, FAST, FAST])
    series.take()
    series.take()
    assert [window.verdict for window in series.windows] == ["invalid", "ok", "ok"]
    assert series.windows[0].reasons[0].startswith("too short")
    assert [round(window.duration_s, 2) for window in series.windows] == [0.5, 2.0, 2.0]


def test_a_count_that_is_too_low_for_the_clock_is_corrected_too(bench_for, client):
    """0.9 s of a window of 1.5 s are long enough, but fewer than a thousand ticks of 1 ms."""
    series = kv_series(bench_for("kv"), client, [SLOW / 0.45, SLOW / 0.45])
    series.window_s = 1.5
    series.take()
    assert [window.verdict for window in series.windows] == ["invalid", "ok"]
    assert series.windows[0].reasons[0].startswith("clock too coarse")


def test_a_count_is_not_corrected_twice(bench_for, client):
    series = kv_series(bench_for("kv"), client, [FAST, 4 * FAST, 4 * FAST])
    series.take()
    series.take()
    assert [window.verdict for window in series.windows] == ["invalid"] * 3


def test_a_faster_window_is_not_thrown_away_for_its_speed(bench_for, client):
    client.duration_s = 1.4
    series = kv_series(bench_for("kv"), client, [1.5 * SLOW])
    series.take()
    assert [window.verdict for window in series.windows] == ["ok"]


def test_what_the_server_counts_as_failed_invalidates(bench_for, client):
    counts = iter([7, 7, 7, 1000])
    series = kv_series(
        bench_for("kv"), client, [SLOW, SLOW], server_failures=lambda: {"misses": next(counts)}
    )
    series.take()
    series.take()
    assert [window.failures for window in series.windows] == [{}, {"misses": 993}]
    assert [window.verdict for window in series.windows] == ["ok", "invalid"]
