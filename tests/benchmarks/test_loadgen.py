# SPDX-License-Identifier: Apache-2.0
"""Our load generator against wrk and redis-benchmark: as much load, for no more of the CPU's time.

One server, one deployment; pairs of runs in random order, from the same namespace and CPUs. And how
late it is itself in an open loop, on a quiet machine and beside a program that takes its CPU.
"""

import random
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.conftest import interval
from featherbench import registry
from featherbench.measuring.load_windows import (
    WindowSeries,
    load_for,
    load_metrics,
    opened,
    run_load,
    sized,
)
from featherbench.measuring.window_verdict import LATENESS_FRACTION
from featherbench.records.cell import Verdict
from featherbench.services import http, kv

PAIRS = 20
WINDOW_S = 1.0
LEAST_THROUGHPUT, MOST_CPU = 0.98, 1.10
SHARE = 0.3
"""Of the capacity."""
MOST_LATENESS = 0.1
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"

pytestmark = [pytest.mark.benchmark, pytest.mark.testbed]


@dataclass(frozen=True)
class Case:
    """A load, and who else can make it."""

    service: str
    theirs: str
    connections: int
    pipeline: int = 1

    def load(self, bench):
        if self.service == "http":
            size = bench.settings.file_bytes
            return load_for(bench, self.connections, path=http.PATH, response_bytes=size)
        kv.fill(bench, 3)
        return load_for(bench, self.connections, pipeline=self.pipeline)


CASES = [
    Case("http", "wrk", 1),
    Case("http", "wrk", 100),
    Case("http", "wrk", 1000),
    Case("kv", "redis_benchmark", 50, pipeline=1),
    Case("kv", "redis_benchmark", 50, pipeline=16),
]


def runs(case, bench):
    """Return functions that make the load once: by ours, and by theirs."""
    made = {}
    for name in ("featherbench", case.theirs):
        generator = registry.load("loadgens", name)
        generator.prepare()
        its_bench = replace(bench, load_generators={case.service: generator})
        load = sized(its_bench, case.service, case.load(bench), window_s=WINDOW_S)

        def run(its_bench=its_bench, load=load):
            done = run_load(its_bench, case.service, load, expected_s=WINDOW_S)
            assert done.result.failures == {}
            return done.result.requests_per_s, done.completed.cpu_s / done.result.requests

        made[name] = run
    return made["featherbench"], made[case.theirs]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.service}-c{c.connections}-p{c.pipeline}")
def test_it_makes_as_much_load_as_theirs_for_no_more_cpu(case, deployed, tell):
    bench = deployed(case.service, "featherbench", {"warm_up_s": 0.5}, case.connections)
    ours, theirs = runs(case, bench)
    rng, throughput, cpu = random.Random(2017), [], []
    for _ in range(PAIRS):
        order = [ours, theirs]
        rng.shuffle(order)
        done = {run: run() for run in order}
        (rate, cost), (their_rate, their_cost) = done[ours], done[theirs]
        throughput.append(rate / their_rate)
        cpu.append(cost / their_cost)
    more, less = interval(throughput), interval(cpu)
    tell(
        f"{case}: ours / theirs: throughput {more[0]:.3f} ({more[1]:.3f} to {more[2]:.3f}), median"
        f" {np.median(throughput):.3f}; CPU per request {less[0]:.3f} ({less[1]:.3f} to"
        f" {less[2]:.3f})"
    )
    assert more[0] >= LEAST_THROUGHPUT
    assert less[0] <= MOST_CPU


@contextmanager
def busy_loop(cpu):
    argv = [sys.executable, "-c", BUSY, str(cpu)]
    with subprocess.Popen(argv, start_new_session=True) as process:
        try:
            yield
        finally:
            process.kill()


def open_loop(bench, service, load, windows):
    """Return windows of an open loop, and the share of each one's latency that was our lateness."""
    series = WindowSeries(
        bench=bench,
        service=service,
        metrics=load_metrics(service, service=service, at_rate=True),
        load=load,
        window_s=WINDOW_S,
    )
    with opened(bench, service, [load]) as series.session:
        for _ in range(windows):
            series.take()
    return series.windows, np.array(
        [window.notes["lateness_us"]["p99"] / window.value for window in series.windows]
    )


@pytest.mark.parametrize("case", [CASES[1], CASES[3]], ids=["http", "kv"])
def test_in_an_open_loop_it_is_not_late_or_says_so(case, deployed, tell):
    service = case.service
    bench = deployed(service, "featherbench", {"warm_up_s": 0.5}, case.connections)
    load = replace(case.load(bench), duration_s=WINDOW_S)
    capacity = np.median(
        [
            run_load(bench, service, load, expected_s=WINDOW_S).result.requests_per_s
            for _ in range(3)
        ]
    )
    load = replace(load, rate_per_s=SHARE * capacity)
    quiet, shares = open_loop(bench, service, load, PAIRS)
    with busy_loop(bench.client.cpus[0]):
        disturbed, disturbed_shares = open_loop(bench, service, load, 3)
    tell(
        f"{service}, {load.rate_per_s:.0f} of {capacity:.0f} requests/s: lateness / latency (p99)"
        f" {np.median(shares):.3f} (at most {max(shares):.3f}), lateness"
        f" {[round(w.notes['lateness_us']['p99']) for w in quiet]} us;"
        f" beside a busy loop {np.round(disturbed_shares, 3)},"
        f" {[window.reasons for window in disturbed]}"
    )
    assert np.median(shares) <= MOST_LATENESS < LATENESS_FRACTION
    assert {window.verdict for window in disturbed} == {Verdict.SUSPECT}
