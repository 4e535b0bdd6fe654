# SPDX-License-Identifier: Apache-2.0
"""What two scripted servers hold, as windows; for a fixed amount, see measuring/min_memory."""

from dataclasses import replace

import pytest

from builders import canned_load_generator, offered, redis_answers
from featherbench.measuring import window_verdict
from featherbench.records.cell import Verdict
from featherbench.services import http
from featherbench.workloads.memory import Workload


@pytest.fixture
def measured(bench_for, technology, client, monkeypatch):
    """Measure both servers, under a load that lasts two seconds by its own clock."""

    def measure(**settings):
        technology.reset_peak = lambda _: True
        instances = iter(["http", "kv"])
        bench = replace(bench_for("memory", **settings), instance=None)
        monkeypatch.setattr(type(bench), "request", lambda *_, **__: None)
        technology.start = lambda _: bench_for("memory").under_test.model_copy(
            update={"service": next(instances)}
        )
        client.says = memory_client
        monkeypatch.setattr(window_verdict, "CLOCKS_DIFFER_S", 2.0)  # it ends at once
        bench = replace(
            bench, load_generators=dict.fromkeys(("http", "kv"), canned_load_generator())
        )
        return Workload().measure(bench, offered(), 1)

    return measure


def test_both_servers_are_measured_and_stopped(measured, technology):
    windows = measured()
    assert {window.verdict for window in windows} == {Verdict.OK}
    assert [(window.metric, window.value) for window in windows] == [
        ("memory_http_load", 2.0),
        ("memory_kv_load", 2.0),
    ]
    assert {m.metric: m.value for m in windows[1].secondary} == {
        "memory_kv_idle": 2.0,
        "memory_kv_peak": 4.0,
        "memory_kv_load_anonymous": 1.0,
        "memory_kv_idle_anonymous": 1.0,
        "memory_kv_load_file": 0.5,
        "memory_kv_idle_file": 0.5,
    }
    assert windows[0].notes["source"] == "script"
    assert technology.stopped == ["abc", "abc"]


def test_a_load_that_ended_too_early_is_no_load(measured):
    windows = measured(load_s=3.0)
    assert {window.verdict for window in windows} == {Verdict.INVALID}
    assert {window.reasons[0] for window in windows} == {"too short: 2 s, of at least 2.7 s"}


def test_the_circumstances_are_judged(measured, client):
    client.address = "127.0.0.1"
    assert {window.reasons[0].partition(":")[0] for window in measured()} == {"loopback"}


def memory_client(argv, server=redis_answers()):  # noqa: B008 - what the server keeps
    """Answer readiness and verification of both services."""
    return http.payload(10).decode() + "\n200" if argv[0] == "curl" else server(argv)
