# SPDX-License-Identifier: Apache-2.0
"""Real runs whose truth is known: a platform against itself, and against itself slowed down."""

from pathlib import Path

import pandas as pd
import pytest

from featherbench.report.conclusions import SIGNIFICANT_P

pytestmark = [pytest.mark.benchmark, pytest.mark.testbed, pytest.mark.timeout(7200)]

BASELINE = "linux-native"
QUOTA, PERIOD_US = 0.95, 10_000
DELAY_S = 0.05
TECHNOLOGIES = {
    "twin": """
from featherbench.platforms import linux


class Technology(linux.Technology):
    pass
""",
    "throttled": f"""
from featherbench import cgroup
from featherbench.platforms import linux


class Technology(linux.Technology):
    def start(self, order):
        instance = super().start(order)
        group = cgroup.own_group(order.instance_id)
        quota_us, period_us = {round(QUOTA * PERIOD_US)}, {PERIOD_US}
        if group.version == 1:
            (group.cpu / "cpu.cfs_period_us").write_text(str(period_us))
            (group.cpu / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group.cpu / "cpu.max").write_text(f"{{quota_us}} {{period_us}}")
        return instance
""",
    "delayed": f"""
import time

from featherbench.platforms import linux


class Technology(linux.Technology):
    def start(self, order):
        time.sleep({DELAY_S})
        return super().start(order)
""",
}
DEPLOYMENTS, LEVELS = 10, [1, 64]
CONFIG = {
    "platforms": [BASELINE, *(f"{name}-native" for name in TECHNOLOGIES)],
    "plugins": ["plugins"],
    "workloads": {
        "http": {
            "concurrency": LEVELS,
            "repetitions": {"deployments": DEPLOYMENTS, "windows": 2},
            "settings": {"window_s": 2, "warm_up_s": 1},
        },
        "startup": {"repetitions": {"deployments": DEPLOYMENTS, "windows": 3}},
        "latency": {"repetitions": {"deployments": DEPLOYMENTS, "windows": 10}},
    },
}


@pytest.fixture(scope="module")
def results(project_with, tmp_path_factory):
    folder = tmp_path_factory.mktemp("known") / "project"
    project = project_with(CONFIG, folder=folder, state=Path("/run/featherbench"))
    for name, source in TECHNOLOGIES.items():
        (folder / "plugins/platforms" / f"{name}.py").write_text(source)
    project.snakemake("all", within_s=7000)
    return folder / "results"


@pytest.fixture
def ratio(results, capsys):
    """Give, and print, the row of one metric, platform and level."""
    table = pd.read_csv(results / "tables/ratios.csv").set_index(
        ["metric", "platform", "concurrency"]
    )

    def of(metric, technology, level=1):
        row = table.loc[metric, f"{technology}-native", level]
        with capsys.disabled():
            print(  # noqa: T201 - the figure is what a benchmark is for
                f"\n{technology}, {metric} at {level}: {row['ratio']:.4f}"
                f" [{row['ci_low']:.4f}, {row['ci_high']:.4f}], p {row['p_adj']:.2g}"
            )
        return row

    return of


@pytest.mark.parametrize(
    ("metric", "level"),
    [*(("http_throughput", level) for level in LEVELS), ("startup_time", 1), ("latency", 1)],
)
def test_a_platform_does_not_differ_from_itself(ratio, metric, level):
    assert ratio(metric, "twin", level)["p_adj"] >= SIGNIFICANT_P


def test_a_quota_of_the_processor_is_found_and_its_size(ratio):
    """nginx takes all of its processor at this level, so it loses what the quota takes."""
    row = ratio("http_throughput", "throttled", LEVELS[-1])
    assert row["p_adj"] < SIGNIFICANT_P
    assert row["ci_low"] <= QUOTA <= row["ci_high"]


def test_a_delay_of_the_start_is_found_and_its_size(results, ratio):
    summary = pd.read_csv(results / "tables/summary.csv").set_index(["metric", "platform"])
    native_s = summary.loc[("startup_time", BASELINE), "mean"]
    row = ratio("startup_time", "delayed")
    assert row["p_adj"] < SIGNIFICANT_P
    assert row["ci_low"] <= 1 + DELAY_S / native_s <= row["ci_high"]
