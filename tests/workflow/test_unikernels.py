# SPDX-License-Identifier: Apache-2.0
"""A row of `floor` on software emulation, and rows whose images nobody has brought."""

import json
import signal

import pandas as pd
import pytest

from featherbench.system.polling import wait_until

pytestmark = [pytest.mark.testbed, pytest.mark.timeout(1200)]

CONFIG = {
    "baseline": "floor-tcg",
    "platforms": ["floor-tcg", "rumprun-tcg"],
    "workloads": {
        "startup": {"repetitions": {"deployments": 2, "windows": 1}},
        "latency": {
            "repetitions": {"deployments": 1, "windows": 5},
            "settings": {"interval_ms": 10},
        },
        "image_size": None,
        "memory": {"settings": {"reference_mib": 64, "starts": 2, "margin": 0.5}},
        "http": None,
    },
    "repetitions": {"deployments": 1, "windows": 1},
}
MEASURED = {
    f"floor-tcg/{cell}/c1"
    for cell in ("startup/d1", "startup/d2", "latency/d1", "image_size/d1", "memory/d1")
}


@pytest.fixture(scope="module")
def run(project_with, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unikernels") / "project"
    project = project_with(CONFIG, folder=folder)
    project.output = project.snakemake("all")
    return project


@pytest.fixture(scope="module")
def cells(run):
    return {name: json.loads(path.read_text()) for name, path in run.cells().items()}


def test_what_it_has_an_image_for_is_measured_and_nothing_else(run, cells):
    assert cells.keys() == MEASURED
    assert "rumprun-tcg cannot run here" in run.output
    assert "floor-tcg is not measured by http" in run.output


def test_the_report_says_what_is_missing(run):
    report = (run.folder / "results/report.html").read_text()
    assert "the path of the image of rumprun" in report
    assert "Workloads that a platform has no image for" in report
    assert "floor has no image of http" in report


def test_its_figures_are_a_guests(run, cells):
    samples = pd.read_csv(run.folder / "results/tables/samples.csv")
    values = samples.groupby("metric")["value"]
    assert 0.02 < values.get_group("startup_time").mean() < 30
    assert values.get_group("image_size_startup").mean() * (1 << 20) < 64 * 1024
    assert 0 < values.get_group("round_trip_time").mean() < 1000
    assert values.get_group("memory_startup_minimum").mean() == 2
    for name in ("startup/d1/c1", "startup/d2/c1"):
        cell = cells[f"floor-tcg/{name}"]
        assert {window["verdict"] for window in cell["windows"]} <= {"ok", "suspect"}
        assert {window["notes"]["stamped_by"] for window in cell["windows"]} == {"probe"}


def test_nothing_is_left_and_nothing_is_to_be_done(run):
    assert run.traces() == set()
    assert "Nothing to be done" in run.snakemake("all")


def test_another_kernel_of_the_same_bytes_measures_nothing_again(run):
    image = "results/images/floor-tcg/startup.digest"
    source = run.repository / "resources/unikernels/floor/source/main.c"
    before = source.read_text()
    source.write_text(before.replace("floor: the smallest", "floor: the very smallest"))
    try:
        assert image in run.pending()
        run.snakemake(image)
        assert run.pending_cells() == set()
    finally:
        source.write_text(before)


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(project_with, tmp_path, ended_by):
    workloads = {"latency": {"repetitions": {"deployments": 1, "windows": 3000}}}
    project = project_with({**CONFIG, "workloads": workloads}, folder=tmp_path / "p")
    workflow = project.start("results/cells/floor-tcg/latency/d1/c1.json")
    wait_until(
        lambda: any("virtual machine" in trace for trace in project.traces()),
        what="the guest",
        within_s=120,
        every_s=0.2,
    )
    project.end(workflow, ended_by)
    project.end_without_report(workflow)
    wait_until(lambda: project.traces() == set(), what="nothing left", within_s=60, every_s=0.2)
