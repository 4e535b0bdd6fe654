# SPDX-License-Identifier: Apache-2.0
"""What we measure against the same load generator started by hand: the ratio must be one.

One server, one deployment; pairs of windows, one through our own code and one by hand, in random
order within the pair, from the same namespace, on the same CPUs, read by another parser.
"""

import csv
import io
import math
import random
import re
import subprocess

import numpy as np
import pytest
from scipy import stats

from builders import build_image, offered
from featherbench import registry
from featherbench.jobs.deployment import bench_for, deploy, warm_instance
from featherbench.records.job_specs import MeasureSpec, PlatformSpec, TestbedSpec, WorkloadSpec
from featherbench.records.load_point import LoadPoint
from featherbench.records.tuning import Tuning
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import session

PAIRS = 20
CONNECTIONS = 32
WITHIN = (0.95, 1.05)

pytestmark = [pytest.mark.benchmark, pytest.mark.testbed]


def spec_of(service, generator, settings):
    return MeasureSpec(
        platform=PlatformSpec(
            name="linux-native", technology="linux", hypervisor="native", network="host"
        ),
        workload=WorkloadSpec(
            name=service, load_generators={service: generator}, settings=settings
        ),
        services=(service,),
        deployment=1,
        testbed=TestbedSpec(),
        tuning=Tuning(),
        code="",
        load_point=LoadPoint(f"c{CONNECTIONS}"),
        connections=CONNECTIONS,
        windows=1,
    )


def at_the_client(bench, *argv):
    cpus = ",".join(map(str, bench.client.cpus))
    inside = ["nsenter", "--net=/run/netns/fb-client", "taskset", "--cpu-list", cpus, *argv]
    return subprocess.run(inside, capture_output=True, text=True, check=True, timeout=60).stdout


def wrk_by_hand(bench, _window):
    where = bench.under_test.endpoint
    url = f"http://{where.address}:{where.port}/payload"
    said = at_the_client(bench, "wrk", "-t1", f"-c{CONNECTIONS}", "-d2s", url)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def redis_benchmark_by_hand(bench, window):
    where = bench.under_test.endpoint
    said = at_the_client(
        bench,
        *("redis-benchmark", "-h", where.address, "-p", str(where.port), "-t", "get"),
        *("-c", str(CONNECTIONS), "-n", str(window.requests), "-P", "16", "--csv"),
    )
    return float(next(csv.DictReader(io.StringIO(said)))["rps"])


class Http:
    """nginx under wrk."""

    service, generator, settings = "http", "wrk", {"window_s": 2.0}
    by_hand = staticmethod(wrk_by_hand)


class Kv:
    """Redis under redis-benchmark."""

    service, generator = "kv", "redis_benchmark"
    settings = {"window_s": 2.0, "operations": ["GET"]}  # noqa: RUF012
    by_hand = staticmethod(redis_benchmark_by_hand)


@pytest.mark.parametrize("case", [Http, Kv])
def test_our_throughput_is_that_of_the_load_generator_by_hand(
    case, built_root, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    linux = registry.load("technologies", "linux")
    into = tmp_path / "results/images/linux" / case.service
    build_image(linux, case.service, into, built_root).write(into.with_suffix(".json"))
    spec = spec_of(case.service, case.generator, case.settings)
    rng, workload = random.Random(2017), registry.load("workloads", case.service)
    try:
        with session(spec.testbed, spec.tuning, what="benchmark") as testbed:
            bench = bench_for(spec, testbed, load_point=spec.load_point, logs=tmp_path)
            bench = warm_instance(spec, deploy(spec, bench, testbed), bench, testbed).bench
            ours = lambda: workload.measure(bench, offered(CONNECTIONS), 1)[-1]  # noqa: E731
            window = ours()
            logs = []
            for _ in range(PAIRS):
                if rng.random() < 0.5:
                    window = ours()
                    theirs = case.by_hand(bench, window)
                else:
                    theirs = case.by_hand(bench, window)
                    window = ours()
                logs.append(math.log(window.value / theirs))
    finally:
        release_testbed()
    half = stats.t.ppf(0.975, PAIRS - 1) * np.std(logs, ddof=1) / math.sqrt(PAIRS)
    low, middle, high = np.exp([np.mean(logs) - half, np.mean(logs), np.mean(logs) + half])
    with capsys.disabled():
        print(  # noqa: T201 - the figure is what a benchmark is for
            f"\n{case.service}: ours / by hand = {middle:.4f}, 95 % interval {low:.4f} to"
            f" {high:.4f} ({PAIRS} interleaved pairs of 2 s at {CONNECTIONS} connections)"
        )
    assert WITHIN[0] <= low <= 1 <= high <= WITHIN[1]
