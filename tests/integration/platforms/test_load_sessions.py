# SPDX-License-Identifier: Apache-2.0
"""A load generator that is kept open, and what ends or hinders it: never a number."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builders import bench_of
from featherbench import registry
from featherbench.errors import LoadError
from featherbench.measuring import load_windows
from featherbench.records.tuning import Tuning
from featherbench.services import http
from featherbench.system.polling import wait_until

TECHNOLOGY, SERVICES = "linux", ("http",)
CONNECTIONS, WINDOW_S = 10, 0.6
PORTS = "/proc/sys/net/ipv4/ip_local_port_range"

pytestmark = [pytest.mark.testbed]


@pytest.fixture
def bench(platform, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = registry.load("loadgens", "featherbench")
    own.prepare()
    tuning = Tuning(net_sysctls={}, nofile=4096)
    bench = bench_of(platform, "http", tuning=tuning, logs=tmp_path)
    return replace(bench, load_generators={"http": own})


@contextmanager
def series_on(bench):
    load = load_windows.load_for(bench, CONNECTIONS, path=http.PATH, response_bytes=1150)
    load = replace(load, duration_s=WINDOW_S)
    with load_windows.opened(bench, "http", [load]) as generator:
        yield load_windows.WindowSeries(
            bench=bench,
            service="http",
            metrics=load_windows.load_metrics("http", service="http"),
            load=load,
            window_s=WINDOW_S,
            session=generator,
            verify=http.verify,
        )


def loads():
    """Return the load generators that this process runs."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    programs = {int(pid): Path(f"/proc/{pid}/exe").readlink().name for pid in children}
    return [pid for pid, name in programs.items() if name.startswith("featherbench-load")]


@contextmanager
def soon(action):
    """Do it in the middle of the window that the block takes."""
    timer = threading.Timer(WINDOW_S / 3, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_all_windows_are_of_one_generator_and_it_ends_with_them(bench):
    with series_on(bench) as series:
        (before,) = loads()
        for _ in range(2):
            series.take()
        assert loads() == [before]
    assert loads() == []
    for window in series.windows:
        assert window.failures == {}
        assert window.requests == pytest.approx(window.value * WINDOW_S)
        assert sum(count for _, count in window.histogram) >= window.requests
        assert 0 < window.client_cpu_s < 2 * WINDOW_S


@pytest.mark.parametrize("when", ["between", "within"])
def test_one_that_is_killed_gives_no_window(bench, when):
    def kill():
        os.kill(loads()[0], signal.SIGKILL)

    def go_on(series):
        series.take()
        if when == "between":
            kill()
            series.take()
        with soon(kill):
            series.take()

    with series_on(bench) as series, pytest.raises(LoadError, match="status -9"):
        go_on(series)
    assert len(series.windows) == 1
    assert loads() == []


def test_one_that_is_stopped_for_a_while_makes_the_window_invalid(bench):
    def hold():
        (pid,) = loads()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)

    with series_on(bench) as series, soon(hold):
        series.take()
    (window,) = series.windows
    assert window.verdict == "invalid"
    assert "held up: the load generator was stopped" in window.reasons


def test_one_that_is_stopped_when_a_window_begins_makes_it_invalid(bench, monkeypatch):
    """It goes on before anything is looked at again."""
    with series_on(bench) as series:
        (pid,) = loads()
        goes_on = threading.Timer(0.12, os.kill, (pid, signal.SIGCONT))

        def run_load(*arguments, make=load_windows.run_load, **named):
            goes_on.start()
            return make(*arguments, **named)

        monkeypatch.setattr(load_windows, "run_load", run_load)
        os.kill(pid, signal.SIGSTOP)
        series.take()
        goes_on.join()
    (window,) = series.windows
    assert window.reasons[0] == "held up: the load generator was stopped"


def test_one_that_stays_stopped_gives_no_window_and_ends(bench, monkeypatch):
    monkeypatch.setattr(load_windows, "OVERDUE_S", 0.5)
    monkeypatch.setattr(load_windows, "OVERDUE_FACTOR", 1)
    with (
        series_on(bench) as series,
        soon(lambda: os.kill(loads()[0], signal.SIGSTOP)),
        pytest.raises(LoadError, match="did not answer within"),
    ):
        series.take()
    assert series.windows == []
    assert loads() == []


def test_connections_that_are_reset_are_failures_and_made_again(bench):
    """nginx starts a worker again that was killed."""

    def reset():
        worker = max(bench.technology.processes(bench.under_test))
        os.kill(worker, signal.SIGKILL)

    with series_on(bench) as series:
        with soon(reset):
            series.take()
        wait_until(lambda: http.verify(bench), what="nginx", within_s=5)
        series.take()
    broken, after = series.windows
    assert broken.verdict == "invalid"
    assert set(broken.failures) <= {"reset", "short", "refused"}
    assert broken.failures
    assert after.failures == {}


@pytest.fixture
def few_ports(bench):
    """The client's network has five ports for its connections; afterwards as many as before."""
    client = bench.client

    def change(ports):
        client.run(["sh", "-c", f'echo "$0" > {PORTS}', ports], timeout_s=5)

    before = client.run(["cat", PORTS], timeout_s=5).stdout
    change("40000 40004")
    yield
    change(before)


@pytest.mark.usefixtures("few_ports")
def test_too_few_ports_are_failures(bench):
    with series_on(bench) as series:
        series.take()
    (window,) = series.windows
    assert window.verdict == "invalid"
    assert window.failures["connect"] >= CONNECTIONS - 5
