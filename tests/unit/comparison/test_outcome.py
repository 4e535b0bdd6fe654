# SPDX-License-Identifier: Apache-2.0
"""Two runs compared, what `comparison/text.py` says of them, and the command itself."""

import argparse
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import builders
from featherbench.cli import compare
from featherbench.comparison.outcome import ChangeReading, ComparisonResult
from featherbench.comparison.run import Run
from featherbench.records.machine import MachineRecord
from featherbench.statistics.data.samples import gather
from featherbench.statistics.data.table_io import read_parquet, write_parquet

DEPLOYMENTS = 6


METRICS = {"http": ("http_throughput", "requests/s"), "startup": ("startup_time", "s")}


def write_run(folder, *, factors=(), seed=1, levels=(1,), **more):
    rng = np.random.default_rng(seed)
    workloads = [
        builders.planned_workload(
            name, deployments=DEPLOYMENTS, levels=levels if name == "http" else (1,)
        )
        for name in METRICS
    ]
    config = {"seed": seed, "workloads": {"http": {"window_s": 2.0}}}
    plan = builders.plan(*workloads, platforms=["linux-native"], seed=seed, config=config)
    plan.write(folder / "plan.json")
    for cell in plan.cells():
        metric, unit = METRICS[cell.workload]
        value = 100 * rng.lognormal(0, 0.005) * dict(factors).get(cell.workload, 1.0)
        windows = [builders.window(metric, value, unit=unit)]
        measured = builders.cell(*cell, windows, **{"spec": {"code": "c0de"}} | more)
        measured.write(folder / f"cells/{cell}.json")
    write_parquet(gather(plan, folder / "cells"), folder / "tables/samples.parquet")
    return folder


@pytest.fixture
def machine():
    """The record of some host."""
    return MachineRecord.read(builders.DATA / "machine.json")


@pytest.fixture
def runs(tmp_path):
    """Folder A, and what makes a folder B."""

    def make_b(**how):
        return write_run(tmp_path / "b" / "results", **{"seed": 2} | how)

    return SimpleNamespace(a=write_run(tmp_path / "a" / "results"), make_b=make_b)


def compared(capsys, a, b, *options):
    """Run the command; give its exit status, and what it printed, read back where it is JSON."""
    parser = argparse.ArgumentParser()
    compare.add_parser(parser.add_subparsers())
    status = compare.run(parser.parse_args(["compare", str(a), str(b), *options]))
    told = capsys.readouterr()
    out = (
        ComparisonResult.model_validate_json(told.out)
        if "--json" in options and told.out
        else told.out
    )
    return SimpleNamespace(status=status, out=out, err=told.err)


def readings(outcome):
    return {change.metric: change.reading for change in outcome.changes}


def test_two_like_runs_are_the_same_and_pass(runs, capsys):
    done = compared(capsys, runs.a, runs.make_b(), "--json")
    assert done.status == 0
    assert set(readings(done.out).values()) == {ChangeReading.EQUIVALENT}


@pytest.mark.parametrize(
    ("factors", "status", "expected"),
    [
        ({"http": 0.8, "startup": 0.8}, 1, (ChangeReading.WORSE, ChangeReading.BETTER)),
        ({"http": 1.2, "startup": 1.2}, 1, (ChangeReading.BETTER, ChangeReading.WORSE)),
        ({"http": 1.2, "startup": 0.8}, 0, (ChangeReading.BETTER, ChangeReading.BETTER)),
    ],
)
def test_a_rate_should_rise_and_a_time_fall(runs, capsys, factors, status, expected):
    done = compared(capsys, runs.a, runs.make_b(factors=factors), "--json")
    assert done.status == status
    assert tuple(readings(done.out).values()) == expected


def test_the_margin_decides_what_is_a_change(runs, capsys):
    b = runs.make_b(factors={"http": 0.9})
    assert compared(capsys, runs.a, b).status == 1
    assert compared(capsys, runs.a, b, "--margin", "20%").status == 0


@pytest.mark.parametrize("margin", ["-1", "much", "inf"])
def test_a_margin_that_is_none_is_refused(runs, capsys, margin):
    with pytest.raises(SystemExit) as ended:
        compared(capsys, runs.a, runs.a, f"--margin={margin}")
    assert ended.value.code == 2
    assert "is not a percentage" in capsys.readouterr().err


def test_what_only_one_run_has_does_not_pass(runs, capsys):
    b = runs.make_b()
    samples = read_parquet(b / "tables/samples.parquet")
    write_parquet(samples[samples["workload"] != "http"], b / "tables/samples.parquet")
    done = compared(capsys, runs.a, b)
    assert done.status == 2
    assert "no valid window in B" in done.out


def test_runs_without_anything_to_compare_do_not_pass(runs, capsys):
    folders = runs.a, runs.make_b()
    for folder in folders:
        file = folder / "tables/samples.parquet"
        write_parquet(read_parquet(file).head(0), file)
    assert compared(capsys, *folders).status == 2


def test_the_table_tells_the_worst_first_with_size_and_interval(runs, capsys):
    text = compared(capsys, runs.a, runs.make_b(factors={"startup": 1.3})).out
    rows = [line.split() for line in text.splitlines() if "linux-native" in line]
    assert [row[0] for row in rows] == ["worse", "equivalent"]
    assert "1.30" in rows[0]
    assert "to" in rows[0]
    assert "2 comparisons: 1 worse, 0 better, 0 not compared, 0 inconclusive, 1 equivalent" in text


def test_levels_that_count_different_things_are_told_apart(runs, capsys, tmp_path):
    closed = compared(capsys, runs.a, runs.make_b()).out
    assert {row.split()[4] for row in closed.splitlines() if "linux-native" in row} == {"1"}
    a, b = (write_run(tmp_path / name, levels=(2000, "r2000")) for name in ("x", "y"))
    text = compared(capsys, a, b).out
    rows = [row.split() for row in text.splitlines() if "linux-native" in row]
    assert [row[4] for row in rows] == ["c2000", "r2000", "c1"]
    told = compared(capsys, a, b, "--json").out
    assert {(change.load_point, change.level) for change in told.changes} >= {("r2000", 2000)}


def test_alike_circumstances_are_not_warned_of(runs, capsys):
    done = compared(capsys, runs.a, runs.make_b(seed=1), "--json")
    assert done.out.differences == ()


def test_other_hosts_images_code_and_settings_are_warned_of(runs, capsys):
    b = runs.make_b(machine_fingerprint="xyz", image_digest="sha256:1", spec={"code": "other"})
    text = compared(capsys, runs.a, b).out
    assert "machine fingerprint: abc in A, xyz in B" in text
    assert "image linux-native/http: sha256:0 in A, sha256:1 in B" in text
    assert "measuring code linux-native/http: c0de in A, other in B" in text
    assert "configuration seed: 1 in A, 2 in B" in text


def test_other_tools_are_warned_of_and_the_time_of_the_record_is_not(runs, capsys, machine):
    b = runs.make_b()
    machine.write(runs.a / "machine.json")
    newer = {"tools": machine.tools | {"wrk": "4.2.0"}, "recorded_utc": "later"}
    machine.model_copy(update=newer).write(b / "machine.json")
    text = compared(capsys, runs.a, b).out
    assert "machine tools.wrk: 4.1.0 in A, 4.2.0 in B" in text
    assert "recorded_utc" not in text


def test_a_missing_record_is_said_to_be_missing(runs, capsys):
    text = compared(capsys, runs.a, runs.make_b()).out
    assert f"warning: {runs.a / 'machine.json'} is missing" in text


def test_a_long_list_of_differences_is_cut_and_says_so(runs, capsys, machine):
    b = runs.make_b()
    machine.write(runs.a / "machine.json")
    libraries = {f"library{n}": "1" for n in range(30)}
    machine.model_copy(update={"libraries": libraries}).write(b / "machine.json")
    assert "more: --json lists them" in compared(capsys, runs.a, b).out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nowhere", "there is no such folder"),
        ("a", "it has no tables/samples.parquet\n  remedy: use {tmp_path}/a/results"),
        ("a/results/tables", "remedy: use {tmp_path}/a/results"),
        ("b/results", "are the same folder"),
        ("broken", "cannot be read"),
        ("old", "is of another version: it lacks deployment"),
    ],
)
def test_a_wrong_folder_is_one_message_with_a_remedy(runs, capsys, tmp_path, wrong, said):
    b = runs.make_b()
    for name in ("broken", "old"):
        shutil.copytree(runs.a, tmp_path / name)
    (tmp_path / "broken/tables/samples.parquet").write_text("{")
    samples = read_parquet(runs.a / "tables/samples.parquet")
    write_parquet(samples.drop(columns="deployment"), tmp_path / "old/tables/samples.parquet")
    done = compared(capsys, tmp_path / wrong, b)
    assert (done.status, done.out) == (2, "")
    assert said.format(tmp_path=tmp_path) in done.err
    assert "remedy" in done.err


def test_json_has_no_numbers_that_are_none(runs, capsys):
    b = runs.make_b()
    samples = read_parquet(b / "tables/samples.parquet")
    write_parquet(samples.assign(verdict="invalid"), b / "tables/samples.parquet")
    outcome = compared(capsys, runs.a, b, "--json").out
    told = json.loads(outcome.model_dump_json())["changes"][0]
    assert (told["mean_b"], told["ratio"], told["reading"]) == (None, None, "not compared")


@pytest.mark.parametrize(
    ("unit", "higher"), [("requests/s", True), ("s", False), ("MiB", False), ("ms", False)]
)
def test_without_a_plan_a_rate_should_rise_and_a_cost_fall(unit, higher):
    run = Run(folder=None, samples=None, plan=None, machine=None, cells=())
    assert run.higher_is_better("m", unit) is higher
