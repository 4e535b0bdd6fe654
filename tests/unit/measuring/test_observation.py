# SPDX-License-Identifier: Apache-2.0
"""Counters before and after, and what follows from them."""

from dataclasses import replace
from functools import partial

import pytest

from builders import TreeMachine, write_tree
from featherbench.measuring.machine_counters import (
    Snapshot,
    between,
    circumstances,
    on_loopback,
    shared_cores,
    shared_cpus,
)
from featherbench.records.cell import Usage
from featherbench.system.machine import Counters
from featherbench.system.procfs import CpuTicks


def usage(cpu_s, throttled_s=0.0):
    return Usage(
        cpu_s=cpu_s,
        throttled_s=throttled_s,
        memory_current_bytes=None,
        memory_working_set_bytes=None,
        memory_anonymous_bytes=None,
        memory_peak_bytes=None,
        source="test",
    )


@pytest.fixture
def snapshot(machine):
    """Make a snapshot of the one machine that client and server are on."""
    return partial(snapshot_of, (machine,))


def snapshot_of(machines, monotonic_s, cpus, *, swapped_pages=0, used=None):
    return Snapshot(
        monotonic_s=monotonic_s,
        utc="2026-01-01T00:00:00+00:00",
        counters={
            machine: Counters(
                cpus={n: CpuTicks(busy=b, steal=s, total=t) for n, (b, s, t) in cpus.items()},
                swapped_pages=swapped_pages,
            )
            for machine in machines
        },
        usage=used,
    )


def test_fractions_are_of_the_time_between(bench_for, snapshot):
    before = snapshot(10.0, {0: (0, 0, 0), 1: (100, 5, 1000)}, used=usage(5.0, 1.0))
    after = snapshot(
        12.0, {0: (150, 0, 200), 1: (280, 25, 1200)}, swapped_pages=7, used=usage(6.5, 1.25)
    )
    observed = between(before, after, bench_for("http"))
    assert observed.elapsed_s == 2.0
    assert observed.client_busy_fraction == pytest.approx(0.75)
    assert observed.server_busy_fraction == pytest.approx(0.9)
    assert observed.steal_fraction == pytest.approx(0.1)
    assert observed.server_cpu_s == pytest.approx(1.5)
    assert observed.throttled_s == pytest.approx(0.25)
    assert observed.swapped_pages == 7


def test_the_busiest_cpu_of_the_server_is_told(bench_for, snapshot):
    bench = bench_for("http")
    bench = replace(bench, placement=replace(bench.placement, cpus=(1, 2)))
    before = snapshot(0.0, {0: (0, 0, 0), 1: (0, 0, 0), 2: (0, 0, 0)})
    after = snapshot(1.0, {0: (0, 0, 100), 1: (10, 0, 100), 2: (90, 0, 100)})
    observed = between(before, after, bench)
    assert observed.server_busiest_fraction == pytest.approx(0.9)
    assert observed.server_busy_fraction == pytest.approx(0.5)


def test_what_the_platform_does_not_tell_stays_unknown(bench_for, snapshot):
    nothing = snapshot(0.0, {})
    observed = between(nothing, nothing, bench_for("http"))
    assert observed.server_cpu_s is None
    assert observed.client_busy_fraction is None
    assert observed.steal_fraction == 0.0


def test_what_a_new_instance_has_used_counts_from_its_start(bench_for, snapshot):
    before, after = snapshot(0.0, {}), snapshot(1.0, {}, used=usage(0.5, 0.25))
    observed = between(before, after, bench_for("http"))
    assert (observed.server_cpu_s, observed.throttled_s) == (0.5, 0.25)


def test_what_counts_for_any_window_is_told_the_verdict(bench_for, client, snapshot):
    client.cpus, client.address = (0, 1), "127.0.0.1"
    before = snapshot(0.0, {1: (0, 0, 0)}, used=usage(0.0))
    after = snapshot(1.0, {1: (0, 5, 100)}, swapped_pages=3, used=usage(0.5, 0.25))
    bench = bench_for("http")
    facts = circumstances(between(before, after, bench), bench)
    assert (facts.steal_fraction, facts.throttled_s, facts.swapped_pages) == (0.05, 0.25, 3)
    assert (facts.shared_cpus, facts.loopback) == ((1,), True)


def test_shared_cpus_are_named(bench_for, client):
    assert shared_cpus(bench_for("http")) == ()
    client.cpus = (0, 1)
    assert shared_cpus(bench_for("http")) == (1,)


def test_threads_of_one_core_on_both_sides_are_named(bench_for, client, machine, snapshot):
    for cpu, threads in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        write_tree(machine.root, **{f"{topology}/thread_siblings_list": f"{threads}\n"})
    bench = bench_for("http")
    bench = replace(bench, placement=replace(bench.placement, cpus=(1, 2)))
    client.cpus = (0,)
    assert shared_cores(bench) == ((0, 2),)
    assert circumstances(between(snapshot(0.0, {}), snapshot(1.0, {}), bench), bench).shared_cores
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
    before, after = (
        Snapshot(
            monotonic_s=1.0,
            utc="2026-01-01T00:00:00+00:00",
            counters={
                machine: Counters(
                    cpus={1: CpuTicks(busy=n, steal=0, total=4 * n)}, swapped_pages=n
                ),
                client.machine: Counters(
                    cpus={1: CpuTicks(busy=n, steal=0, total=2 * n)}, swapped_pages=n
                ),
            },
            usage=None,
        )
        for n in (0, 10)
    )
    observed = between(before, after, bench_for("http"))
    assert (observed.client_busy_fraction, observed.server_busy_fraction) == (0.5, 0.25)
    assert observed.swapped_pages == 20


@pytest.mark.parametrize(
    ("address", "shares"), [("127.0.0.1", True), ("198.18.0.1", True), ("198.18.0.2", False)]
)
def test_a_client_without_its_own_stack_is_found(bench_for, client, address, shares):
    client.address = address
    assert on_loopback(bench_for("http")) is shares
