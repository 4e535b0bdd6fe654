# SPDX-License-Identifier: Apache-2.0
"""A server under test for the benchmarks of load generators, and how ratios are summed up."""

import math
from contextlib import ExitStack

import numpy as np
import pytest
from scipy import stats

from builders import build_image
from featherbench import registry
from featherbench.jobs.deployment import bench_for, deploy, warm_instance
from featherbench.records.job_specs import MeasureSpec, PlatformSpec, TestbedSpec, WorkloadSpec
from featherbench.records.load_point import LoadPoint
from featherbench.records.tuning import Tuning
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import session


@pytest.fixture
def deployed(built_root, tmp_path, monkeypatch):
    """Give a function that deploys a service as linux-native, until the test ends, warmed up."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:

        def bench(service, generator, settings, connections):
            into = tmp_path / "results/images/linux" / service
            image = build_image(registry.load("technologies", "linux"), service, into, built_root)
            image.write(into.with_suffix(".json"))
            spec = MeasureSpec(
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
                load_point=LoadPoint(f"c{connections}"),
                connections=connections,
                windows=1,
            )
            stack.callback(release_testbed)
            testbed = stack.enter_context(session(spec.testbed, spec.tuning, what="benchmark"))
            bench = bench_for(spec, testbed, load_point=spec.load_point, logs=tmp_path)
            return warm_instance(spec, deploy(spec, bench, testbed), bench, testbed).bench

        yield bench


@pytest.fixture
def tell(capsys):
    """Give a function that prints the figure that a benchmark is for."""

    def print_now(text):
        with capsys.disabled():
            print(f"\n{text}")  # noqa: T201

    return print_now


def interval(ratios):
    """Return the geometric mean, and the ends of its 95 % interval."""
    logs = np.log(ratios)
    half = stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs))
    return np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])
