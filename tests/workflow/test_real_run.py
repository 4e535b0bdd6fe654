# SPDX-License-Identifier: Apache-2.0
"""The whole road on real daemons: nginx, Redis, a Docker engine, real load, to one report."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import escape

from builders import ran
from featherbench.figures.catalogue import figures_for
from featherbench.records.plan import Plan
from featherbench.system.polling import wait_until

pytestmark = [pytest.mark.testbed, pytest.mark.docker, pytest.mark.timeout(1500)]

SMALL = {
    "platforms": ["linux-native", "docker-native", "osv-kvm"],
    "workloads": {
        "http": {
            "concurrency": [1, 32],
            "repetitions": {"deployments": 2, "windows": 1},
            "settings": {"window_s": 1, "warm_up_s": 0.2},
        },
        "kv": {
            "concurrency": [8],
            "repetitions": {"deployments": 1, "windows": 2},
            "settings": {"window_s": 1, "warm_up_s": 0.2},
        },
        "startup": {"repetitions": {"deployments": 2, "windows": 1}},
        "image_size": None,
        "latency": {
            "repetitions": {"deployments": 1, "windows": 3},
            "settings": {"interval_ms": 20},
        },
        "memory": {"settings": {"load_s": 1}},
        "capacity": {"settings": {"p99_ms": 10, "precision_percent": 20, "warm_up_s": 0.2}},
    },
    "repetitions": {"deployments": 1, "windows": 1},
}


@pytest.fixture(scope="module")
def run(traces, project_with, lay_root_filesystems, tmp_path_factory):
    """One small run of everything, on the machine's own testbed."""
    assert traces() == set(), "before anything runs"
    folder = tmp_path_factory.mktemp("real") / "project"
    project = project_with(SMALL, folder=folder, state=Path("/run/featherbench"))
    lay_root_filesystems(project)
    project.output = project.snakemake("all")
    return project


def test_every_cell_was_measured(run):
    assert {name.split("/")[0] for name in run.cells()} == {"linux-native", "docker-native"}
    assert len(run.cells()) == 2 * (4 + 1 + 2 + 1 + 1 + 1 + 1)
    assert f"cell {len(run.cells())} of {len(run.cells())}" in run.output


def test_windows_carry_what_a_verdict_needs(run):
    for path in run.cells().values():
        for window in json.loads(path.read_text())["windows"]:
            if "throughput" in window["metric"]:
                assert window["client_cpu_s"] > 0
                assert window["server_cpu_s"] > 0
                assert window["requests"] > 0
            assert window["verdict"] == "ok" or window["reasons"]


def test_tables_and_figures_are_there(run):
    results = run.folder / "results"
    samples = pd.read_parquet(results / "tables/samples.parquet")
    assert set(samples["workload"]) == set(SMALL["workloads"])
    assert set(pd.read_csv(results / "tables/anova.csv")["metric"]) >= {"http_throughput"}
    figures = set(figures_for(Plan.read(results / "plan.json")))
    assert {p.stem for p in (results / "figures").glob("*.svg")} == figures
    assert {p.stem for p in (results / "figures").glob("*.png")} == figures


def test_the_report_tells_what_could_not_run(run):
    report = (run.folder / "results/report.html").read_text()
    plan = json.loads((run.folder / "results/plan.json").read_text())
    (osv,) = (platform for platform in plan["platforms"] if platform["name"] == "osv-kvm")
    assert osv["missing_requirements"]
    assert all(escape(lack["what"]) in report for lack in osv["missing_requirements"])
    assert (run.folder / "results/snakemake_report.html").stat().st_size > 0


def test_startup_orders_are_sane(run):
    summary = pd.read_csv(run.folder / "results/tables/summary.csv").set_index(
        ["metric", "platform"]
    )
    startup = summary.loc["startup_time", "mean"]
    assert 0 < startup["linux-native"] < startup["docker-native"] < 30


def test_nothing_is_left_and_nothing_is_to_be_done(run, traces):
    assert traces() == set()
    assert "Nothing to be done" in run.snakemake("all")


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(run, traces, which):
    """For all signals, at random moments, see test_campaign.py."""
    before, again = run.content(), "docker-native/startup/d1/c1"
    run.cells()[again].unlink()
    process = run.start("all")
    wait_until(lambda: "docker-native" in run.said(), what="a cell", within_s=60)
    os.kill(process.pid, which)
    run.end_without_report(process)
    wait_until(lambda: traces() == set(), what="nothing left", within_s=90)
    run.measure(*before)
    after = run.content()
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before.keys() - {again})


ON_A_FULL_DISK = "linux-native/latency/d1/c1"
FOR_THE_ENGINE = "docker-native/latency/d1/c1"
UNAFFECTED = "linux-native/startup/d1/c1"


@pytest.fixture(scope="module")
def faulty(run):
    """The output of a run without the Docker engine, and with a full disk under one cell."""
    disk = run.cells()[ON_A_FULL_DISK].parents[1]
    for name in (ON_A_FULL_DISK, FOR_THE_ENGINE, UNAFFECTED):
        run.cells()[name].unlink()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk)], check=True)
    hidden = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    script = 'mount --bind /dev/null /var/run/docker.sock && exec "$@"'
    try:
        done = ran(*hidden, script, "sh", *run.command("all"), timeout=300, env=run.environment)
        assert not [file for file in disk.rglob("*") if file.is_file()], "written by half"
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    return output


def test_an_engine_that_is_stopped_fails_its_cells(run, faulty):
    assert "the Docker engine" in faulty
    assert "does not answer" in faulty
    assert "does not answer" in (run.folder / "results/report.html").read_text()


def test_a_full_disk_fails_its_cell(faulty):
    assert "No space left on device" in faulty
    assert f"measure/{ON_A_FULL_DISK} failed" in faulty


def test_what_failed_and_nothing_else_is_measured_by_the_next_run(run, faulty, traces):
    assert faulty
    assert UNAFFECTED in run.cells()
    failed = {ON_A_FULL_DISK, FOR_THE_ENGINE}
    assert not failed & run.cells().keys()
    assert run.pending_cells() == failed
    run.measure(*failed)
    assert failed <= run.cells().keys()
    assert traces() == set()
