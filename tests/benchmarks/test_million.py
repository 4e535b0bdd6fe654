# SPDX-License-Identifier: Apache-2.0
"""A million samples become tables and figures in a minute, and in two gigabytes of memory."""

import os
import subprocess
import sys

import pytest

import studies
from featherbench.planning.code_digest import SCRIPTS
from featherbench.statistics.data.table_io import read_parquet

STEPS = {
    "aggregate": "--cells cells --stopping stopping --parquet samples.parquet --csv samples.csv"
    " --quantiles latency_quantiles.csv",
    "analyze": "--samples samples.parquet --tables-dir .",
    "plot": "--samples samples.parquet --summary summary.csv --ratios ratios.csv"
    " --quantiles latency_quantiles.csv --figures-dir figures",
}
DEPLOYMENTS, WINDOWS = 10, 39
MOST_S = 60
MOST_GB = 2


def run(name, folder):
    """Run a script; give the CPU seconds and the gigabytes at most that it took.

    On a machine that does nothing else, one process takes as long as its CPU time.
    """
    given = ["--plan", "plan.json", *STEPS[name].split(), "--log", f"{name}.log", "--job", name]
    process = subprocess.Popen([sys.executable, SCRIPTS / f"{name}.py", *given], cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (folder / f"{name}.log").read_text()
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9


@pytest.mark.benchmark
@pytest.mark.timeout(1_800)
def test_a_million_samples(tmp_path, capsys):
    plan = studies.plan_of(studies.TWELVE, deployments=DEPLOYMENTS, windows=WINDOWS)
    plan.write(tmp_path / "plan.json")
    studies.write_cells(plan, tmp_path / "cells")
    took = {name: run(name, tmp_path) for name in STEPS}
    samples = len(read_parquet(tmp_path / "samples.parquet"))
    assert samples >= 1_000_000
    with capsys.disabled():
        steps = ", ".join(f"{name} {s:.1f} s, {gb:.2f} GB" for name, (s, gb) in took.items())
        print(f"\n{samples:,} samples: {steps}")  # noqa: T201 - the figure is the purpose
    assert sum(s for s, _ in took.values()) <= MOST_S
    assert max(gb for _, gb in took.values()) <= MOST_GB
