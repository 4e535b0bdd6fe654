# SPDX-License-Identifier: Apache-2.0
"""Observations of windows with their collectors, and windows as recorded."""

from contextlib import suppress
from dataclasses import replace

import pytest

from builders import TreeMachine, write_tree
from featherbench.measuring import window
from featherbench.measuring.window import (
    Collector,
    Moment,
    Observation,
    build_window,
    on_loopback,
    shared_cores,
    shared_cpus,
)
from featherbench.measuring.window_verdict import WindowFacts
from featherbench.records.cell import Metric, Usage, Verdict

ENERGY = Metric(name="energy", service="http", aspect="energy", unit="J", better="lower")
TIME = Metric(name="connect_time", service="http", aspect="connect", unit="us", better="lower")


class Energy(Collector):
    metrics = (ENERGY,)

    def begin(self, bench):
        self.begun_on = bench.coordinates.platform

    def end(self, _bench):
        return (ENERGY.measure(42.0),)


def count(machine, cpus, *, swapped_pages=0):
    """Set a machine's counters: busy, stolen and all ticks by CPU, and pages moved by swapping."""
    lines = [
        f"cpu{cpu} {busy} 0 0 {total - busy - steal} 0 0 0 {steal}"
        for cpu, (busy, steal, total) in cpus.items()
    ]
    write_tree(
        machine.root,
        **{
            "proc/stat": "\n".join(lines) + "\n",
            "proc/vmstat": f"pswpin {swapped_pages}\npswpout 0\n",
        },
    )


@pytest.fixture
def uses(technology, monkeypatch):
    """Set the usages that the technology reports, one after the other: CPU time, throttled time."""

    def uses(*pairs):
        usages = (Usage(cpu_s=cpu_s, throttled_s=t_s, source="test") for cpu_s, t_s in pairs)
        monkeypatch.setattr(technology, "usage", lambda _: next(usages))

    return uses


def test_fractions_are_of_the_time_of_the_observation(bench_for, machine, uses):
    uses((5.0, 1.0), (6.5, 1.25))
    count(machine, {0: (0, 0, 0), 1: (100, 5, 1000)})
    with Observation(bench_for("http")) as observation:
        count(machine, {0: (150, 0, 200), 1: (280, 25, 1200)}, swapped_pages=7)
    assert observation.machine.client_busy_fraction == pytest.approx(0.75)
    assert observation.machine.server_busy_fraction == pytest.approx(0.9)
    assert observation.machine.steal_fraction == pytest.approx(0.1)
    assert observation.machine.swapped_pages == 7
    assert observation.usage.cpu_s == pytest.approx(1.5)
    assert observation.usage.throttled_s == pytest.approx(0.25)


def test_the_busiest_cpu_of_the_server_is_reported(bench_for, machine):
    bench = bench_for("http")
    bench = replace(bench, placement=replace(bench.placement, cpus=(1, 2)))
    count(machine, {0: (0, 0, 0), 1: (0, 0, 0), 2: (0, 0, 0)})
    with Observation(bench) as observation:
        count(machine, {0: (0, 0, 100), 1: (10, 0, 100), 2: (90, 0, 100)})
    assert observation.machine.server_busiest_fraction == pytest.approx(0.9)
    assert observation.machine.server_busy_fraction == pytest.approx(0.5)


def test_what_the_platform_does_not_count_is_unknown(bench_for, machine, uses):
    uses((None, None), (None, None))
    count(machine, {})
    with Observation(bench_for("http")) as observation:
        pass
    assert observation.usage.cpu_s is None
    assert observation.usage.throttled_s == 0.0
    assert observation.machine.client_busy_fraction is None
    assert observation.machine.steal_fraction == 0.0


def test_without_an_instance_no_usage_is_known(bench_for):
    with Observation(replace(bench_for("http"), instance=None)) as observation:
        pass
    assert observation.usage.cpu_s is None


def test_the_usage_of_an_instance_started_in_between_counts_from_its_start(bench_for, uses):
    uses((0.5, 0.25))
    bench = bench_for("http")
    observation = Observation(replace(bench, instance=None))
    observation.end(bench)
    assert (observation.usage.cpu_s, observation.usage.throttled_s) == (0.5, 0.25)


def test_the_facts_are_those_that_count_for_every_window(bench_for, client, machine, uses):
    uses((0.0, 0.0), (0.5, 0.25))
    client.cpus, client.address = (0, 1), "127.0.0.1"
    count(machine, {1: (0, 0, 0)})
    with Observation(bench_for("http")) as observation:
        count(machine, {1: (0, 5, 100)}, swapped_pages=3)
    facts = observation.facts
    assert (facts.steal_fraction, facts.throttled_s, facts.swapped_pages) == (0.05, 0.25, 3)
    assert (facts.shared_cpus, facts.loopback) == ((1,), True)
    assert facts.client_busy_fraction is None


def test_shared_cpus_are_named(bench_for, client):
    assert shared_cpus(bench_for("http")) == ()
    client.cpus = (0, 1)
    assert shared_cpus(bench_for("http")) == (1,)


def test_threads_of_one_core_on_both_sides_are_named(bench_for, client, machine):
    for cpu, threads in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        write_tree(machine.root, **{f"{topology}/thread_siblings_list": f"{threads}\n"})
    bench = bench_for("http")
    bench = replace(bench, placement=replace(bench.placement, cpus=(1, 2)))
    client.cpus = (0,)
    assert shared_cores(bench) == ((0, 2),)
    with Observation(bench) as observation:
        pass
    assert observation.facts.shared_cores == ((0, 2),)
    client.cpus = (0, 2)  # the same CPU is worse, and has a reason of its own
    assert (shared_cpus(bench), shared_cores(bench)) == ((2,), ())
    client.cpus = (4,)
    assert shared_cores(bench) == ()


def test_cpus_of_two_machines_are_never_the_same(bench_for, client, tmp_path):
    client.cpus = bench_for("http").placement.cpus
    client.machine = TreeMachine(root=tmp_path / "another")
    assert shared_cpus(bench_for("http")) == ()
    assert shared_cores(bench_for("http")) == ()


def test_each_side_is_judged_by_the_counters_of_its_own_machine(
    bench_for, client, machine, tmp_path
):
    client.cpus, client.machine = (1,), TreeMachine(root=tmp_path / "another")
    for each_machine in (machine, client.machine):
        count(each_machine, {1: (0, 0, 0)})
    with Observation(bench_for("http")) as observation:
        count(machine, {1: (10, 0, 40)}, swapped_pages=10)
        count(client.machine, {1: (10, 0, 20)}, swapped_pages=10)
    counters = observation.machine
    assert (counters.client_busy_fraction, counters.server_busy_fraction) == (0.5, 0.25)
    assert counters.swapped_pages == 20


@pytest.mark.parametrize(
    ("address", "shares"), [("127.0.0.1", True), ("198.18.0.1", True), ("198.18.0.2", False)]
)
def test_a_client_without_its_own_stack_is_recognized(bench_for, client, address, shares):
    client.address = address
    assert on_loopback(bench_for("http")) is shares


def test_an_observed_window_has_the_metric_the_usage_and_the_verdict(bench_for, client, uses):
    uses((1.0, 0.0), (3.0, 0.0))
    client.address = "127.0.0.1"
    with Observation(bench_for("http")) as observation:
        pass
    observed = observation.window(TIME, 12.0, index=2, duration_s=0.5, notes={"how": "curl"})
    assert (observed.metric, observed.value, observed.unit) == ("connect_time", 12.0, "us")
    assert (observed.index, observed.duration_s, observed.notes) == (2, 0.5, {"how": "curl"})
    assert (observed.server_cpu_s, observed.server_cpus) == (2.0, 1)
    assert observed.started_monotonic_s == observation.started.monotonic_s
    assert observed.verdict is Verdict.SUSPECT
    assert observed.reasons[0].startswith("loopback")


@pytest.mark.parametrize("for_all_windows", [False, True])
def test_a_collector_adds_its_measures_to_the_windows(bench_for, monkeypatch, for_all_windows):
    """To those of its observation, or of every one."""
    monkeypatch.setattr(window, "COLLECTORS", (Energy,) if for_all_windows else ())
    energy = Energy()
    with Observation(bench_for("http"), *([] if for_all_windows else [energy])) as observation:
        assert for_all_windows or energy.begun_on == "scripted-native"
    observed = observation.window(TIME, 1.0, index=1, duration_s=0.5)
    assert observed.secondary == (ENERGY.measure(42.0),)


def test_an_observation_that_failed_is_not_ended(bench_for, technology):
    with suppress(ZeroDivisionError), Observation(bench_for("http")):
        raise ZeroDivisionError
    assert technology.cpu_s == 1.0  # read once, at the beginning


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [(WindowFacts(), Verdict.SUSPECT), (WindowFacts(failures={"timeout": 1}), Verdict.INVALID)],
)
def test_an_issue_makes_a_window_suspect_unless_it_is_worse(facts, verdict):
    built = build_window(
        TIME, 1.0, index=1, started=Moment.now(), duration_s=1.0, facts=facts, issues=("scatter",)
    )
    assert (built.verdict, built.reasons[-1]) == (verdict, "scatter")
