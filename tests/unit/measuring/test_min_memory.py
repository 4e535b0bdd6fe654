# SPDX-License-Identifier: Apache-2.0
"""Searches that are recorded and resumed, and their windows."""

import json
from dataclasses import replace

import pytest

import builders
from builders import image, offered
from featherbench.contracts.bench import Bench
from featherbench.errors import InstanceError, LoadError, MachineSilentError
from featherbench.measuring import min_memory
from featherbench.measuring.min_memory_search import Attempt, Rules, Search
from featherbench.records.cell import Verdict
from featherbench.workloads.memory import Workload


@pytest.fixture
def bench(bench_for, technology, tmp_path):
    technology.fixed_memory = True
    made = bench_for("memory")
    return replace(
        made, images={name: image(service=name) for name in ("http", "kv")}, logs=tmp_path
    )


@pytest.fixture
def attempts(monkeypatch):
    """Serve with 100 MiB and more; yield the attempt and the amounts that are tried."""
    tried = []

    def attempt(_trial, _search, memory_mib):
        tried.append(memory_mib)
        if len(tried) == attempt.dies_at:
            raise KeyboardInterrupt
        serves = memory_mib >= attempt.need_mib and len(tried) != attempt.fails_at
        return Attempt(
            memory_mib=memory_mib,
            requests_per_s=1000.0 + len(tried) % 3 if serves else 0.0,
            failure="" if serves else "kernel panic",
            ready_after_s=1.0,
            used_bytes=150 << 20,
            guest_used_bytes=60 << 20,
            issues=attempt.issues,
        )

    attempt.need_mib, attempt.dies_at, attempt.fails_at, attempt.issues = 100, None, None, ()
    monkeypatch.setattr(min_memory, "_attempt", attempt)
    return attempt, tried


def measure(bench):
    return Workload().measure(bench, offered(), 1)


def interrupt(bench, attempt, tried):
    attempt.dies_at = 8
    with pytest.raises(KeyboardInterrupt):
        measure(bench)
    attempt.dies_at = None
    del tried[:]


def trial_of(bench, verify=lambda _: ""):
    return min_memory.Trial(
        bench=bench, service="http", load=lambda _: None, load_s=1, verify=verify
    )


def attempted(bench, **changes):
    rules = Rules(reference_mib=512, step_mib=8, starts=2, margin=0.1, significance=0.05)
    return min_memory._attempt(trial_of(bench, **changes), Search(subject="s", rules=rules), 64)


@pytest.mark.usefixtures("attempts")
def test_the_minimum_memory_is_the_windows_value_with_what_is_really_used(bench):
    http, kv = measure(bench)
    assert (http.metric, http.value, http.unit) == ("memory_http_minimum", 104.0, "MiB")
    assert kv.metric == "memory_kv_minimum"
    secondary = {measure.metric: measure.value for measure in http.secondary}
    assert secondary["memory_http_hypervisor"] == 150
    assert secondary["memory_http_guest_used"] == 60
    assert secondary["memory_http_reference_throughput"] == pytest.approx(1001, abs=1)
    assert http.verdict is Verdict.OK
    assert http.notes["outcomes"]["96"] == "fails"
    assert json.dumps(http.notes)


def test_an_interrupted_search_continues_and_a_finished_one_leaves_no_record(
    bench, attempts, tmp_path
):
    interrupt(bench, *attempts)
    assert len(Search.read(tmp_path / "search_http_1.json").attempts) == 7
    http, _ = measure(bench)
    assert http.notes["resumed_after"] == 7
    assert http.value == 104
    assert not list(tmp_path.glob("search_*"))


@pytest.mark.parametrize("changed", ["image", "hypervisor"])
def test_another_image_or_hypervisor_is_another_search(bench, attempts, technology, changed):
    interrupt(bench, *attempts)
    if changed == "hypervisor":
        technology.reported = {"dom0": "root@other"}
    else:
        another = image(service="http", digest="other")
        bench = replace(bench, images={**bench.images, "http": another})
    http, _ = measure(bench)
    assert http.notes["resumed_after"] == 0


def test_failing_with_reference_memory_is_an_error_with_the_reason(bench, attempts):
    attempt, _ = attempts
    attempt.need_mib = 600
    with pytest.raises(InstanceError, match="512 MiB: kernel panic") as failed:
        measure(bench)
    assert "reference_mib" in failed.value.remedy


def test_one_failure_with_reference_memory_is_a_quality_issue(bench, attempts):
    attempt, tried = attempts
    attempt.fails_at = 1
    http, _ = measure(bench)
    assert tried[:2] == [512, 512]
    assert any("reference memory failed before: kernel panic" in reason for reason in http.reasons)


def test_quality_issues_of_the_starts_are_those_of_the_window(bench, attempts):
    attempt, _ = attempts
    attempt.issues = ("client saturated: it was 99% busy",)
    http, _ = measure(bench)
    assert http.verdict is Verdict.SUSPECT
    assert http.reasons == ("client saturated: it was 99% busy",)


class Refusing:
    """Fails in one of the three ways in which a start may fail."""

    def __init__(self, technology, how):
        self.technology, self.how = technology, how

    def __getattr__(self, name):
        return getattr(self.technology, name)

    def start(self, request):
        if self.how == "start":
            raise InstanceError("it does not fit")
        self.request = request
        return self.instance


@pytest.mark.parametrize("how", ["start", "ready", "load"])
def test_a_failure_of_an_instance_is_a_failed_attempt(bench, technology, monkeypatch, how):
    refusing = Refusing(technology, how)
    refusing.instance = bench.under_test

    def not_ready(_bench, *, within_s):
        assert within_s == min_memory.READY_WITHIN_S
        if how == "ready":
            raise InstanceError("it accepts and never answers")

    def no_load(*_, **__):
        raise LoadError("refused")

    monkeypatch.setattr(min_memory, "wait_until_ready", not_ready)
    monkeypatch.setattr(min_memory, "_served", no_load)
    attempt = attempted(replace(bench, technology=refusing, instance=None))
    assert attempt.failure
    assert attempt.requests_per_s == 0
    if how != "start":
        assert refusing.request.memory_mib == 64
        assert technology.stopped == ["abc"]


@pytest.mark.parametrize("step", ["prepare", "start", "is_running"])
def test_a_machine_that_does_not_answer_is_no_result(bench, technology, monkeypatch, step):
    def silent(*_):
        raise MachineSilentError("dom0 does not answer")

    monkeypatch.setattr(min_memory, "wait_until_ready", lambda running, **_: running.technology)
    monkeypatch.setattr(technology, "start", lambda _: bench.under_test, raising=False)
    monkeypatch.setattr(technology, step, silent)
    with pytest.raises(MachineSilentError):
        attempted(replace(bench, instance=None), verify=Bench.require_running)


class Canned:
    """A series whose windows are given."""

    def __init__(self, windows):
        self.given, self.windows = iter(windows), []

    def take(self):
        self.windows.append(next(self.given))


def window(verdict, failures=None, requests=10):
    return builders.window(
        "http_throughput",
        5.0,
        requests=requests,
        failures=failures or {},
        verdict=verdict,
        reasons=("why",),
    )


SHORT = window(Verdict.INVALID)


@pytest.mark.parametrize(
    ("windows", "taken", "failure"),
    [
        ([SHORT, window(Verdict.OK)], 2, ""),
        ([SHORT] * 9, 3, "why"),
        ([window(Verdict.INVALID, {"timeouts": 3}), SHORT], 1, "why"),
        ([window(Verdict.INVALID, requests=0), SHORT], 1, "why"),
    ],
)
def test_a_window_that_is_invalid_without_a_failure_is_taken_again(
    bench, monkeypatch, windows, taken, failure
):
    series = Canned(windows)
    monkeypatch.setattr(min_memory, "WindowSeries", lambda **_: series)
    monkeypatch.setattr(min_memory, "sized", lambda *_, **__: None)
    attempt = min_memory._served(trial_of(bench), bench, 64, ready_after_s=1.0)
    assert len(series.windows) == taken
    assert attempt.failure == failure


def test_a_start_is_tuned_before_it_is_loaded(bench, monkeypatch):
    request = []
    monkeypatch.setattr(Bench, "apply_runtime_settings", lambda _: request.append("tuned"))
    monkeypatch.setattr(min_memory, "sized", lambda *_, **__: request.append("loaded"))
    monkeypatch.setattr(min_memory, "WindowSeries", lambda **_: Canned([window(Verdict.OK)]))
    min_memory._served(trial_of(bench), bench, 64, ready_after_s=1.0)
    assert request == ["tuned", "loaded"]
