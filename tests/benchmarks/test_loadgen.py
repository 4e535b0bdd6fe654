# SPDX-License-Identifier: Apache-2.0
"""Our load generator against wrk and redis-benchmark: as much load, for no more of the CPU's time.

One server, one deployment; pairs of runs in random order, from the same namespace and CPUs.
"""

import math
import random
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.test_overhead import spec_of
from builders import build_image
from featherbench import registry
from featherbench.jobs.deployment import bench_for, deploy, warm_instance
from featherbench.measuring.load_windows import load_for, run_load, sized
from featherbench.records.load_point import LoadPoint
from featherbench.services import http, kv
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import session

PAIRS = 20
WINDOW_S = 1.0
LEAST_THROUGHPUT, MOST_CPU = 0.98, 1.10

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


def interval(ratios):
    """Return the geometric mean, and the ends of its 95 % interval."""
    logs = np.log(ratios)
    half = stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs))
    return np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.service}-c{c.connections}-p{c.pipeline}")
def test_it_makes_as_much_load_as_theirs_for_no_more_cpu(
    case, built_root, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    linux = registry.load("technologies", "linux")
    into = tmp_path / "results/images/linux" / case.service
    build_image(linux, case.service, into, built_root).write(into.with_suffix(".json"))
    spec = spec_of(case.service, "featherbench", {"warm_up_s": 0.5})
    rng, throughput, cpu = random.Random(2017), [], []
    try:
        with session(spec.testbed, spec.tuning, what="benchmark") as testbed:
            bench = bench_for(
                spec, testbed, load_point=LoadPoint(f"c{case.connections}"), logs=tmp_path
            )
            bench = warm_instance(spec, deploy(spec, bench, testbed), bench, testbed).bench
            ours, theirs = runs(case, bench)
            for _ in range(PAIRS):
                order = [ours, theirs]
                rng.shuffle(order)
                done = {run: run() for run in order}
                (rate, cost), (their_rate, their_cost) = done[ours], done[theirs]
                throughput.append(rate / their_rate)
                cpu.append(cost / their_cost)
    finally:
        release_testbed()
    more, less = interval(throughput), interval(cpu)
    with capsys.disabled():
        print(  # noqa: T201 - the figure is what a benchmark is for
            f"\n{case}: ours / theirs: throughput {more[0]:.3f} ({more[1]:.3f} to {more[2]:.3f}),"
            f" median {np.median(throughput):.3f}; CPU per request {less[0]:.3f} ({less[1]:.3f} to"
            f" {less[2]:.3f})"
        )
    assert more[0] >= LEAST_THROUGHPUT
    assert less[0] <= MOST_CPU
