# SPDX-License-Identifier: Apache-2.0
"""What a server holds."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from featherbench import registry
from featherbench.contracts.load_generator import Load
from featherbench.errors import InstanceDiedError, LoadError, UnavailableError
from featherbench.loadgens.wrk import LoadGenerator
from featherbench.measuring.memory import held_bytes, is_steady, settled, typical_bytes, under_load
from featherbench.records.cell import Usage, Verdict
from featherbench.services import http
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until

WRK_OK = Path(__file__).parents[2] / "data" / "loadgens" / "wrk_ok.txt"


@dataclass(frozen=True)
class Canned(LoadGenerator):
    """wrk, whose command is another one."""

    argv: tuple[str, ...] = ("cat", str(WRK_OK))

    def command(self, load):
        return [*self.argv] if load else []


def usage(*, working_set=None, current=None):
    return Usage(
        cpu_s=None,
        throttled_s=None,
        memory_current_bytes=current,
        memory_working_set_bytes=working_set,
        memory_anonymous_bytes=None,
        memory_peak_bytes=None,
        source="test",
    )


def test_the_working_set_is_preferred():
    assert held_bytes(usage(working_set=5, current=9)) == 5
    assert held_bytes(usage(current=9)) == 9
    assert held_bytes(usage(working_set=0, current=9)) == 0


def test_a_platform_that_tells_nothing_is_named():
    with pytest.raises(UnavailableError, match="memory"):
        held_bytes(usage())


@pytest.mark.parametrize(
    ("amounts", "steady"),
    [
        ([], False),
        ([5, 5], False),
        ([5, 5, 5], True),
        ([9, 5, 5, 5], True),
        ([100, 100, 101], True),
        ([100, 100, 102], False),
    ],
)
def test_rest_is_three_readings_alike(amounts, steady):
    assert is_steady(amounts) is steady


def test_a_server_is_read_once_it_rests(bench_for):
    assert held_bytes(settled(bench_for("memory"))) == 2 << 20


def test_what_was_not_told_is_left_out_of_the_median():
    assert typical_bytes([3, None, 1, 2]) == 2
    assert typical_bytes([None]) is None


def loaded(bench, *argv):
    bench = replace(bench, load_generators={"http": Canned(*([argv] if argv else []))})
    load = Load(
        endpoint=bench.under_test.endpoint,
        connections=10,
        threads=1,
        operation="GET",
        duration_s=2.0,
    )
    return under_load(bench, "http", load, expected_s=0.1)


def test_memory_is_read_while_the_load_runs(bench_for):
    found = loaded(bench_for("memory"), "sh", "-c", f"sleep 0.3; cat {WRK_OK}")
    assert len(found.readings) >= 2
    assert found.result.requests == 228251


def test_memory_is_read_even_if_the_load_ends_at_once(bench_for, monkeypatch):
    start = subprocesses.start

    def ended(*arguments, **keywords):
        process = start(*arguments, **keywords)
        process.wait()
        return process

    monkeypatch.setattr(subprocesses, "start", ended)
    assert len(loaded(bench_for("memory")).readings) == 1


def test_a_load_that_cannot_be_made_is_a_load_error(bench_for):
    with pytest.raises(LoadError, match="no route"):
        loaded(bench_for("memory"), "echo", "no route")


def test_a_server_that_dies_under_load_ends_the_load_too(bench_for, technology, tmp_path):
    mark = tmp_path / "pid"

    def dies(_):
        wait_until(lambda: mark.exists() and mark.read_text(), what="the load", within_s=5)
        raise InstanceDiedError("gone")

    technology.usage = dies
    with pytest.raises(InstanceDiedError):
        loaded(bench_for("memory"), "sh", "-c", f"echo $$ > {mark}; exec sleep 600")
    assert not Path("/proc", mark.read_text().strip()).exists()


@pytest.fixture
def measured(bench_for, technology, client, monkeypatch):
    """Measure both servers, under a load that lasts two seconds by its own account."""

    def measure(**settings):
        technology.reset_peak = lambda _: True
        instances = iter(["http", "kv"])
        bench = replace(bench_for("memory", **settings), instance=None)
        monkeypatch.setattr(type(bench), "request", lambda *_, **__: None)
        technology.start = lambda _: bench_for("memory").under_test.model_copy(
            update={"service": next(instances)}
        )
        client.says = memory_client
        bench = replace(bench, load_generators=dict.fromkeys(("http", "kv"), Canned()))
        return registry.load("workloads", "memory").measure(bench, 1, 1)

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


def memory_client(argv):
    """Answer readiness and verification of both services."""
    words = argv[-3:]
    if argv[0] == "curl":
        return http.payload(10).decode() + "\n200"
    if words[0] == "SET":
        VALUES[words[1]] = words[2]
        return "OK\n"
    known = {
        "PING": "PONG\n",
        "CONFIG GET save": "save\n\n",
        "CONFIG GET appendonly": "appendonly\nno\n",
        "INFO server": "redis_version:7.0.15\r\n",
        "GET": VALUES.get(words[-1], "") + "\n",
    }
    spoken = [known[key] for key in known if " ".join(argv).endswith(key) or words[1] == key]
    return spoken[0] if spoken else ""


VALUES = {}
