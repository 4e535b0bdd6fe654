# SPDX-License-Identifier: Apache-2.0
"""What we measure against the same load generator started by hand: the ratio must be one.

One server, one deployment; pairs of windows, one through our own code and one by hand, in random
order within the pair, from the same namespace, on the same CPUs, read by another parser.
"""

import csv
import io
import random
import re

import pytest

from benchmarks.conftest import interval
from builders import offered, ran
from featherbench import registry

PAIRS = 20
CONNECTIONS = 32
WITHIN = (0.95, 1.05)

pytestmark = [pytest.mark.benchmark, pytest.mark.testbed]


def at_the_client(bench, *argv):
    cpus = ",".join(map(str, bench.client.cpus))
    inside = ["nsenter", "--net=/run/netns/fb-client", "taskset", "--cpu-list", cpus, *argv]
    return ran(*inside, timeout=60, check=True).stdout


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
def test_our_throughput_is_that_of_the_load_generator_by_hand(case, deployed, tell):
    bench = deployed(case.service, case.generator, case.settings, CONNECTIONS)
    rng, workload = random.Random(2017), registry.load("workloads", case.service)
    ours = lambda: workload.measure(bench, offered(CONNECTIONS), 1)[-1]  # noqa: E731
    window = ours()
    ratios = []
    for _ in range(PAIRS):
        if rng.random() < 0.5:
            window = ours()
            theirs = case.by_hand(bench, window)
        else:
            theirs = case.by_hand(bench, window)
            window = ours()
        ratios.append(window.value / theirs)
    middle, low, high = interval(ratios)
    tell(
        f"{case.service}: ours / by hand = {middle:.4f}, 95 % interval {low:.4f} to {high:.4f}"
        f" ({PAIRS} interleaved pairs of 2 s at {CONNECTIONS} connections)"
    )
    assert WITHIN[0] <= low <= 1 <= high <= WITHIN[1]
