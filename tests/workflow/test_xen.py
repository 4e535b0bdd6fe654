# SPDX-License-Identifier: Apache-2.0
"""A row of `floor` as a domain of a real Xen, whose processor is emulated: labelled as such."""

import json
import os
import signal

import pandas as pd
import pytest

from featherbench.system.polling import wait_until

pytestmark = [pytest.mark.slow, *(pytest.mark.testbed, pytest.mark.xen), pytest.mark.timeout(2400)]

CONFIG = {
    "baseline": "floor-xentcg",
    "platforms": ["floor-xentcg", "floor-xen", "rumprun-xentcg"],
    "workloads": {
        "startup": {"repetitions": {"deployments": 2, "windows": 1}},
        "latency": {
            "repetitions": {"deployments": 1, "windows": 5},
            "settings": {"interval_ms": 20},
        },
        "image_size": None,
    },
    "repetitions": {"deployments": 1, "windows": 1},
}
MEASURED = {
    f"floor-xentcg/{cell}/c1"
    for cell in ("startup/d1", "startup/d2", "latency/d1", "image_size/d1")
}
RUN_WITHIN_S = 1800


@pytest.fixture(scope="module")
def config(xen_settings):
    return {**CONFIG, "hypervisors": {"xen": xen_settings, "xentcg": xen_settings}}


@pytest.fixture(scope="module")
def run(config, project_with, tmp_path_factory):
    project = project_with(config, folder=tmp_path_factory.mktemp("xen") / "project")
    assert project.traces() == set()
    project.output = project.snakemake("all", within_s=RUN_WITHIN_S)
    return project


def test_what_is_emulated_is_never_called_xen(run):
    assert run.cells().keys() == MEASURED
    assert "floor-xen cannot run here: Xen runs on an emulated processor" in run.output
    samples = pd.read_csv(run.folder / "results/tables/samples.csv")
    assert set(samples["hypervisor"]) == {"xentcg"}
    report = (run.folder / "results/report.html").read_text()
    assert "its figures do not measure Xen" in report


def test_its_figures_are_a_guests(run):
    samples = pd.read_csv(run.folder / "results/tables/samples.csv")
    values = samples.groupby("metric")["value"]
    assert 0.5 < values.get_group("startup_time").mean() < 120
    assert values.get_group("image_size_startup").mean() * (1 << 20) < 64 * 1024
    assert 0 < values.get_group("round_trip_time").mean() < 1000
    cell = json.loads(run.cells()["floor-xentcg/startup/d1/c1"].read_text())
    assert cell["windows"][0]["notes"]["stamped_by"] == "probe"


def test_nothing_is_left_and_nothing_is_to_be_done(run, left_in_dom0):
    assert run.traces() == set()
    assert left_in_dom0() == set()
    assert "Nothing to be done" in run.snakemake("all")


@pytest.fixture
def endless(config, project_with, tmp_path):
    workloads = {"latency": {"repetitions": {"deployments": 1, "windows": 3000}}}
    return project_with({**config, "workloads": workloads}, folder=tmp_path / "p")


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(endless, left_in_dom0, ended_by):
    workflow = endless.start("all")
    wait_until(left_in_dom0, what="the domain", within_s=240, every_s=1)
    os.kill(workflow.pid, ended_by)
    endless.end_without_report(workflow)
    wait_until(
        lambda: endless.traces() == set() and left_in_dom0() == set(),
        what="nothing left",
        within_s=120,
        every_s=1,
    )
