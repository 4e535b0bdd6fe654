# SPDX-License-Identifier: Apache-2.0
"""The capacity of a scripted server, as a window: also of `measuring/capacity.py`."""

import json
import re

import pytest
from pydantic import ValidationError

from builders import DATA, offered, redis_answers
from featherbench.config.loading import validate
from featherbench.errors import ConfigError, InstanceDiedError
from featherbench.measuring import window_verdict
from featherbench.planning.resolve import resolve_workload
from featherbench.records.cell import Usage, Verdict
from featherbench.services import http
from featherbench.workloads.capacity import Settings, Workload

WINDOW_S = 0.5
ANSWER = json.loads((DATA / "loadgens/fb_http.txt").read_text())
PAYLOAD = http.payload(10).decode() + "\n200"
LIMIT = 8_000.0
REACH = 10_000.0


@pytest.fixture
def load_generator(client, monkeypatch):
    """A load generator whose server keeps the objective up to LIMIT; its answers can be changed.

    Windows last as long as they should by its clock, and no time by ours.
    """
    monkeypatch.setattr(window_verdict, "CLOCKS_DIFFER_S", 2.0)
    client.duration_s = WINDOW_S

    def answer(rate_per_s):
        is_open = rate_per_s is not None
        due = round((rate_per_s or REACH) * WINDOW_S)
        p99_us = 900.0 if due <= LIMIT * WINDOW_S or not is_open else 20_000.0
        changes = {"loop": "open" if is_open else "closed", "seconds": WINDOW_S, "sent": due}
        changes |= {"answered": due, "answered_after": 0, "cpu_ns": 100_000_000}
        changes |= {"begin_late_ns": 0, "loop_late_ns": 0}
        changes["latency_us"] = ANSWER["latency_us"] | {"p99": p99_us}
        changes["lateness_us"] = ANSWER["latency_us"] | {"p99": 10.0}
        return ANSWER | changes | answer.changed(rate_per_s)

    def says(argv):
        if argv[0] == "curl":
            return answer.serves
        if "redis-cli" in argv:
            return redis(argv)
        rate = re.search(r"rate=([0-9.]+)", argv[-1])
        return json.dumps(answer(float(rate[1]) if rate else None)) + "\n"

    redis = redis_answers()
    answer.changed, answer.serves, client.says = lambda _: {}, PAYLOAD, says
    return answer


@pytest.fixture
def searched(bench_for, load_generator):
    assert load_generator.serves == PAYLOAD

    def measure(windows=1, **settings):
        generators = dict.fromkeys(("http", "kv"), "featherbench")
        bench = bench_for("capacity", load_generators=generators, **settings)
        return Workload().measure(bench, offered(), windows)

    return measure


def only(searched, **settings):
    (window,) = searched(**settings)
    return window


def test_the_capacity_is_the_greatest_rate_that_passed(searched):
    first, second = searched(windows=2)
    assert (first.index, second.index) == (1, 2)
    assert (first.metric, first.unit, first.verdict) == ("http_capacity", "requests/s", Verdict.OK)
    assert first.reasons == ()
    assert LIMIT / 1.03 <= first.value <= LIMIT
    secondary = {measure.metric: measure.value for measure in first.secondary}
    assert secondary["http_capacity_reach"] == pytest.approx(REACH)
    assert secondary["http_capacity_latency_p99"] == pytest.approx(900)
    assert first.notes["ended"] == "the bounds are within the precision"
    low, high = first.notes["bounds_per_s"]
    assert low == first.value <= LIMIT < high
    tries = first.notes["tries"]
    assert {one["passed"] for one in tries if one["rate_per_s"] <= LIMIT} == {True}
    assert {one["passed"] for one in tries if one["rate_per_s"] > LIMIT} == {False}
    assert tries[0]["achieved_per_s"] == pytest.approx(tries[0]["rate_per_s"], rel=1e-3)
    assert json.dumps(first.notes)


@pytest.mark.parametrize("operation", ["GET", "SET"])
def test_redis_has_a_capacity_for_each_operation(searched, operation):
    window = only(searched, service="kv", operation=operation)
    assert window.metric == f"kv_{operation.lower()}_capacity"
    assert LIMIT / 1.03 <= window.value <= LIMIT
    assert f"--only={operation}" in window.command


@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        (lambda rate: {"failures": {"reset": 2}} if not rate else {}, "invalid", "failures: 2"),
        (
            lambda _: {"latency_us": ANSWER["latency_us"] | {"p99": 9e3}},
            "invalid",
            "never passed: even at 200 requests/s, 100 of 100 requests were answered, with a p99",
        ),
        (
            lambda rate: {"answered": 0, "sent": 100} if rate else {},
            "invalid",
            "never passed: even at 200 requests/s, 0 of 100",
        ),
        (
            lambda _: {"lateness_us": {"p99": 700.0}},
            "suspect",
            "client late: at 8,",
        ),
    ],
)
def test_why_a_capacity_is_no_capacity_or_in_doubt(
    searched, load_generator, changed, verdict, reason
):
    load_generator.changed = changed
    window = only(searched)
    assert (window.verdict, window.reasons[0][: len(reason)]) == (verdict, reason)
    assert len(window.reasons) == 1


@pytest.mark.parametrize(("busy_s", "reasons"), [(0.499, 1), (0.4, 0)])
def test_a_closed_loop_that_the_client_held_up_limits_what_is_found(
    searched, load_generator, technology, busy_s, reasons
):
    technology.usage = lambda _: Usage(source="script")
    load_generator.changed = lambda rate: {} if rate else {"cpu_ns": int(busy_s * 1e9)}
    window = only(searched)
    assert len(window.reasons) == reasons
    assert all(reason.startswith("client saturated: it was 100%") for reason in window.reasons)


def test_one_stall_does_not_decide_about_a_rate(searched, load_generator):
    rates = []

    def stalls_once(rate):
        rates.append(rate)
        return {"latency_us": ANSWER["latency_us"] | {"p99": 9e4}} if len(rates) == 5 else {}

    load_generator.changed = stalls_once
    window = only(searched)
    assert rates[4] <= LIMIT
    assert [one["passed"] for one in window.notes["tries"]].count(False) >= 5
    assert LIMIT / 1.03 <= window.value <= LIMIT
    assert window.verdict is Verdict.OK


def test_a_failure_at_a_rate_that_passes_makes_it_invalid(searched, load_generator):
    low = []

    def fails_once(rate):
        if rate and rate <= LIMIT:
            low.append(rate)
        return {"failures": {"reset": 3}} if rate and len(low) == 2 and low[-1] == rate else {}

    load_generator.changed = fails_once
    window = only(searched)
    assert window.verdict is Verdict.INVALID
    assert window.reasons[0] == "failures: 3 reset"


def test_what_no_load_explains_ends_the_search(searched, load_generator):
    def serves_something_else(rate):
        if rate:
            load_generator.serves = "another\n200"
        return {}

    load_generator.changed = serves_something_else
    window = only(searched)
    assert window.verdict is Verdict.INVALID
    assert window.reasons[0].startswith("wrong content: GET /payload gave 7 bytes")
    assert len(window.notes["tries"]) == 1


def test_too_few_tries_are_said(searched):
    window = only(searched, most_tries=4)
    assert window.verdict is Verdict.SUSPECT
    assert window.reasons[0] == (
        "imprecise: after 4 tries 8,000 requests/s passed, and 10,000 failed"
    )


def test_a_server_that_dies_is_no_figure(searched, load_generator, technology):
    def dies(rate):
        technology.running = not rate
        return {}

    load_generator.changed = dies
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        searched()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"operation": "SET"}, "'operation' of http is GET"),
        ({"p99_ms": 20}, "'window_s' must be at least 50 times 'p99_ms'"),
        ({"service": "startup"}, "'startup' is no http or kv"),
    ],
)
def test_settings_that_cannot_be_measured_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Settings(**settings)


def resolved(**workloads):
    content = {"platforms": ["linux-native"], "workloads": workloads}
    return resolve_workload(validate(content, file="c.yaml"), "capacity", file="c.yaml")


def test_it_needs_the_image_and_the_load_generator_of_its_service_alone():
    kv = {"load_generator": "featherbench"}
    workload = resolved(capacity={"settings": {"service": "kv"}}, kv=kv)
    assert workload.services == ("kv",)
    assert workload.spec.load_generators == {"kv": "featherbench"}


def test_a_load_generator_without_rates_is_refused():
    with pytest.raises(ConfigError, match="'capacity' offers rates to http, which load") as error:
        resolved(capacity={}, http={"load_generator": "wrk"})
    assert error.value.remedy == "write `load_generator: featherbench` for workload http"
