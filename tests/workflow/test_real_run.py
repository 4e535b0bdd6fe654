# SPDX-License-Identifier: Apache-2.0
"""The whole road on real daemons: nginx, Redis, a Docker engine, real load, to one report."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import escape

from featherbench.system.polling import wait_until

pytestmark = [pytest.mark.testbed, pytest.mark.docker, pytest.mark.timeout(1500)]

SMALL = {
    "platforms": [
        "linux-native",
        {"name": "docker-native", "network": ["nat", "bridge", "host"]},
        "osv-kvm",
    ],
    "workloads": {
        "http": {"concurrency": [1, 32], "settings": {"window_s": 1}},
        "kv": {"concurrency": [8], "settings": {"window_s": 1.5}},
        "startup": None,
        "image_size": {"repetitions": {"deployments": 1, "windows": 1}},
        "latency": {"repetitions": {"deployments": 1, "windows": 3}},
        "memory": {"repetitions": {"deployments": 1, "windows": 1}},
    },
    "repetitions": {"deployments": 2, "windows": 1},
}
WORKLOADS_WITH_RATIOS = ("http", "kv", "startup", "latency", "memory")
FIGURES = {
    "fig3a_startup_time",
    "fig3b_image_size",
    "fig3c_network_latency",
    "fig4a_http_throughput_native",
    "fig5a_memory_http",
    "fig5b_memory_kv",
    "fig6a_kv_throughput_native",
    *(f"fig7{at}_{of}_ratios" for at, of in zip("abcde", WORKLOADS_WITH_RATIOS, strict=True)),
    "fig8a_http_latency_against_throughput",
    "fig8b_kv_latency_against_throughput",
    "fig9a_http_distribution",
    "fig9b_kv_distribution",
    "fig9c_startup_distribution",
    "fig9d_latency_distribution",
    "fig10_run_order",
    "fig11_provisioning",
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


def sysctls():
    names = ("core/somaxconn", "ipv4/tcp_keepalive_time", "ipv4/ip_local_port_range")
    return {name: Path("/proc/sys/net", name).read_text() for name in names}


@pytest.fixture(scope="module")
def untouched(traces):
    assert traces() == set()
    return sysctls()


@pytest.fixture(scope="module")
def run(untouched, project_with, tmp_path_factory):
    """One small run of everything, on the machine's own testbed."""
    assert untouched, "the machine's own settings are read before anything runs"
    folder = tmp_path_factory.mktemp("real") / "project"
    project = project_with(SMALL, folder=folder, state=Path("/run/featherbench"))
    project.output = project.snakemake("all")
    return project


def test_every_cell_was_measured(run):
    platforms = {name.split("/")[0] for name in run.cells()}
    assert platforms == {"linux-native"} | {f"docker-native+{n}" for n in ("nat", "bridge", "host")}
    assert len(run.cells()) == 4 * (4 + 2 + 2 + 1 + 1 + 1)
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
    assert {p.stem for p in (results / "figures").glob("*.svg")} == FIGURES
    assert {p.stem for p in (results / "figures").glob("*.png")} == FIGURES


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
    assert 0 < startup["linux-native"] < startup["docker-native+nat"] < 30


def test_nothing_is_left_and_nothing_is_to_be_done(run, untouched, traces):
    assert traces() == set()
    assert sysctls() == untouched
    assert "Nothing to be done" in run.snakemake("all")


def test_kills_at_random_moments_leave_nothing_on_the_machine(run, untouched, traces):
    before = run.content()
    kept = {name for name in before if "/http/" not in name and "/startup/" not in name}
    rng = random.Random(2017)
    for which in SIGNALS:
        for name, path in run.cells().items():
            if name not in kept:
                path.unlink()
        process = run.start("all")
        moment = time.monotonic() + rng.uniform(3, 15)
        wait_until(
            lambda at=moment, process=process: time.monotonic() >= at or process.poll() is not None,
            what="the moment to interrupt",
            within_s=60,
        )
        os.kill(process.pid, which)
        process.wait(120)
        wait_until(lambda: traces() == set(), what=f"nothing left after {which.name}", within_s=90)
        assert sysctls() == untouched
    run.measure(*before)
    after = run.content()
    assert set(after) == set(before)
    assert all(after[name] == before[name] for name in kept)


def test_an_engine_that_is_stopped_fails_its_cells_and_no_other(run):
    gone = [name for name in run.cells() if name.split("/")[1] == "latency"]
    for name in gone:
        run.cells()[name].unlink()
    hidden = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    script = 'mount --bind /dev/null /var/run/docker.sock && exec "$@"'
    done = subprocess.run(
        [*hidden, script, "sh", *run.command("all")],
        capture_output=True,
        text=True,
        timeout=300,
        env=run.environment,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "the Docker engine" in output
    assert "does not answer" in output
    assert "Traceback" not in output
    assert "linux-native/latency/d1/c1" in run.cells()
    missing = {name for name in gone if name not in run.cells()}
    assert missing == {name for name in gone if name.startswith("docker")}
    report = (run.folder / "results/report.html").read_text()
    assert "does not answer" in report
    run.measure(*gone)
    assert set(gone) <= set(run.cells())


def test_a_full_disk_fails_its_cell_and_leaves_nothing_half_written(run, traces):
    name = "linux-native/latency/d1/c1"
    path = run.cells()[name]
    path.unlink()
    folder = path.parents[1]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], check=True)
    try:
        output = run.snakemake("all", expect=1)
        assert "No space left on device" in output
        assert f"measure/{name} failed" in output
        assert not [file for file in folder.rglob("*") if file.is_file()]
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert run.pending_cells() == {name}
    run.measure(name)
    assert name in run.cells()
    assert traces() == set()
