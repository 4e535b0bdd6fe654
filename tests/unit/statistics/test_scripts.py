# SPDX-License-Identifier: Apache-2.0
"""The scripts that make tables, one after the other, as the workflow calls them."""

import sys
from pathlib import Path

import pytest

import featherbench
from builders import ran
from featherbench.records.tables import ANALYSIS
from featherbench.statistics.data.table_io import read_csv, read_parquet

SCRIPTS = Path(featherbench.__file__).parent.parent
AGGREGATE = (
    "--plan plan.json --cells cells --stopping stopping --parquet samples.parquet --csv samples.csv"
    " --quantiles latency_quantiles.csv"
)
ANALYZE = "--plan plan.json --samples samples.parquet --tables-dir ."


@pytest.fixture
def study(make, tmp_path):
    plan = make.plan(make.TWO, levels=(1, 100), windows=2)
    plan.write(tmp_path / "plan.json")
    return make.study(plan, tmp_path / "cells")


def _run(name, arguments, folder):
    logged = ("--log", f"{name}.log", "--job", name)
    return ran(sys.executable, SCRIPTS / f"{name}.py", *arguments.split(), *logged, cwd=folder)


@pytest.mark.slow
def test_they_make_every_table_and_say_nothing(study, tmp_path):
    for name, arguments in (("aggregate", AGGREGATE), ("analyze", ANALYZE)):
        done = _run(name, arguments, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(read_parquet(tmp_path / "samples.parquet")) == len(study.samples)
    assert len(read_csv(tmp_path / "samples.csv")) == len(study.samples)
    for table in ANALYSIS:
        assert not read_csv(tmp_path / f"{table}.csv").empty


def test_a_broken_cell_is_named_without_a_traceback(study, tmp_path):
    (study.cells / "linux-native/http/d1/c1.json").write_text("{")
    done = _run("aggregate", AGGREGATE, tmp_path)
    assert done.returncode == 1
    assert "linux-native/http/d1/c1.json" in done.stderr
    assert "remedy" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "samples.parquet").exists()
