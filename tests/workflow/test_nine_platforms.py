# SPDX-License-Identifier: Apache-2.0
"""Containers and Linux guests, and containers inside guests: all nine rows in one report.

Where KVM cannot be used, its three rows say so, and software emulation stands beside them.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from featherbench import registry
from featherbench.jobs.run_end import PARTIAL_VARIABLE
from featherbench.records.instance import Image

pytestmark = [
    pytest.mark.slow,
    *(pytest.mark.testbed, pytest.mark.docker, pytest.mark.lxd, pytest.mark.qemu),
    pytest.mark.timeout(4800),
]

TECHNOLOGIES, HOSTS = ("linux", "docker", "lxd"), ("native", "tcg", "kvm")
NINE = [f"{technology}-{hypervisor}" for hypervisor in HOSTS for technology in TECHNOLOGIES]
ONCE = {"deployments": 1, "windows": 1}
NESTED_MEASURES = {"docker": "http", "lxd": "startup"}
"""Where a container's start includes that of a guest, which takes a minute, one workload each: what
starts them in a guest is the same for both, and so is what measures them."""
IMAGES = ("docker", "lxd", "linux-guest", "docker-guest")
PHASES = ("definition", "firmware_and_kernel", "user_space")
SMALL = {
    "platforms": NINE,
    "workloads": {
        "http": {"concurrency": [16], "settings": {"window_s": 1, "warm_up_s": 0.5}},
        "startup": {"settings": {"timeout_s": 240}},
    },
    "repetitions": ONCE,
}
WITHOUT_NESTING = {
    "platforms": [
        *("linux-native", "lxd-native"),
        {"name": "linux-tcg", "settings": {"guest": {"init": "minimal"}}},
    ],
    "workloads": {
        "kv": {"concurrency": [8], "settings": {"window_s": 1.5, "warm_up_s": 0.5}},
        "image_size": None,
        "latency": {"repetitions": {"deployments": 1, "windows": 3}},
        # Few amounts and few starts of each: a guest on software emulation takes its time.
        "memory": {"settings": {"load_s": 1, "step_mib": 256, "starts": 2, "margin": 0.5}},
    },
    "repetitions": ONCE,
}
"""What is measured of an instance in a guest as of one here: there each start takes a minute."""
RUN_WITHIN_S = 4500


@pytest.fixture(scope="module")
def run(project_with, lay_root_filesystems, tmp_path_factory, traces, requested):
    """Measure the requested cells, and make a report of them, as of a run that was ended early."""
    assert traces() == set()
    folder = tmp_path_factory.mktemp("nine") / "project"
    project = project_with(SMALL, folder=folder, state=Path("/run/featherbench"))
    lay_root_filesystems(project, ("guest-docker", "guest-lxd"))
    files = project.cell_files(requested)
    project.output = project.snakemake(*files, within_s=RUN_WITHIN_S)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(PARTIAL_VARIABLE, "1")
        project.output += project.snakemake("results/report.html")
    assert not (folder / "results/logs/derived_root_filesystem").exists(), (
        "those laid there are used"
    )
    return project


@pytest.fixture(scope="module")
def runnable():
    """Name the rows that this host can run."""
    drivers = {name: registry.platform(*name.split("-")) for name in NINE}
    return {name for name, driver in drivers.items() if not driver.missing_requirements()}


@pytest.fixture(scope="module")
def requested(runnable):
    """Name the cells: all of native rows and of guests, one of each container in a guest."""
    levels = {"http": 16, "startup": 1}
    return {
        f"{name}/{workload}/d1/c{levels[workload]}"
        for name in runnable
        for workload in SMALL["workloads"]
        if name.endswith("-native") or NESTED_MEASURES.get(name.split("-")[0], workload) == workload
    }


@pytest.fixture(scope="module")
def cells(run):
    return {name: json.loads(path.read_text()) for name, path in run.cells().items()}


def test_native_and_emulated_rows_are_measured(cells, runnable, requested):
    assert {f"{t}-{h}" for t in TECHNOLOGIES for h in ("native", "tcg")} <= runnable
    assert {name.split("/")[0] for name in requested} == runnable
    assert cells.keys() == requested


def test_the_report_has_all_nine_rows_and_says_why_some_were_not_run(run, runnable):
    report = (run.folder / "results/report.html").read_text()
    for name in NINE:
        assert name in report
    if "linux-kvm" not in runnable:
        assert "KVM" in report
    assert "Traceback" not in run.output


def test_what_a_window_says_of_its_platform_is_so(cells):
    for name, cell in cells.items():
        platform = name.split("/")[0]
        assert cell["coordinates"]["hypervisor"] == platform.split("-")[1]
        for window in cell["windows"]:
            assert window["verdict"] == "ok" or window["reasons"]
        metrics = {window["metric"] for window in cell["windows"]}
        valid = {w["metric"] for w in cell["windows"] if w["verdict"] != "invalid"}
        assert valid == metrics, [window["reasons"] for window in cell["windows"]]


def test_guests_have_phases_of_their_start(run):
    samples = pd.read_csv(run.folder / "results/tables/samples.csv")
    linux = samples[samples["platform"] == "linux-tcg"].set_index("metric")["value"]
    phases = [linux[f"startup_phase_{name}"] for name in PHASES]
    assert all((phase > 0).all() for phase in phases)
    assert (sum(p.mean() for p in phases)) == pytest.approx(linux["startup_time"].mean(), rel=0.2)


def test_orders_are_sane(run):
    summary = pd.read_csv(run.folder / "results/tables/summary.csv")
    mean = summary.set_index(["metric", "platform"])["mean"]
    startup = mean["startup_time"]
    assert startup["linux-native"] < startup["docker-native"] < startup["lxd-native"]
    assert startup["lxd-native"] < startup["linux-tcg"]
    rate = mean["http_throughput"]
    assert rate["linux-tcg"] < rate["lxd-native"]
    records = [run.folder / f"results/images/{name}/http.json" for name in IMAGES]
    sizes = [Image.read(record).size.allocated_bytes for record in records]
    assert sizes == sorted({*sizes})


def test_nothing_is_left_and_nothing_is_to_be_done(run, traces, requested):
    assert traces() == set()
    assert "Nothing to be done" in run.measure(*requested)


def test_a_guest_is_given_less_memory_until_that_is_too_little(run, traces):
    run.config = WITHOUT_NESTING
    run.write_config()
    run.snakemake("all", within_s=RUN_WITHIN_S)
    summary = pd.read_csv(run.folder / "results/tables/summary.csv")
    mean = summary.set_index(["metric", "platform"])["mean"]
    assert 64 <= mean["memory_http_minimum", "linux-tcg"] <= 512
    of_lxd = {*mean.xs("lxd-native", level="platform").index}
    assert {"kv_get_throughput", "round_trip_time", "memory_kv_load", "image_size_kv"} <= of_lxd
    assert traces() == set()
