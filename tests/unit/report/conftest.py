# SPDX-License-Identifier: Apache-2.0
"""Results folders of runs: some cells failed, some windows are suspect or invalid."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import builders
import paper_comparison
from featherbench import registry
from featherbench.paths import RESOURCES
from featherbench.plauth2017.section import section as papers_section
from featherbench.records.cell import Failure, Measure, Verdict
from featherbench.records.instance import ImageSize
from featherbench.records.machine import MachineRecord
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tables import ANALYSIS, REPLICATION
from featherbench.records.tuning import Tuning
from featherbench.report.inputs import Inputs, read
from featherbench.report.page import render
from featherbench.report.run_tables import RunTables
from featherbench.statistics.data.samples import gather
from featherbench.statistics.data.table_io import write_csv, write_parquet
from featherbench.statistics.tables import COMPUTE
from studies import papers_data_once

__all__ = ["papers_data_once"]

BEGAN = datetime(2024, 5, 6, 7, 0, 0, tzinfo=UTC)
CELL_S = 20
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 4"><rect width="8" height="4"/></svg>'
SPEED = {"linux-native": 1.0, "docker-native": 0.7, "docker-native+host": 1.0}
EMULATED = {"linux-tcg": 0.05, "docker-tcg": 0.04}
PHASES = {"native": ("create", "start"), "tcg": ("definition", "firmware_and_kernel", "user_space")}
"""By hypervisor; each phase takes a quarter of the start."""
NO_KVM = MissingRequirement(what="no /dev/kvm here <yet>: it failed.", remedy="load kvm_intel")
FINGERPRINT = "5eed5eed5eed"
"""That of `machine.json`."""
DRIVERS = {
    name: registry.load("workloads", name)
    for name in ("http", "kv", "startup", "image_size", "latency", "memory")
}


def platform(name, *missing_requirements):
    hypervisor = name.partition("+")[0].split("-")[1]
    return builders.planned_platform(
        name,
        virtualized=hypervisor != "native",
        emulated=hypervisor == "tcg",
        fixed_memory=name == "linux-tcg",
        missing_requirements=missing_requirements,
        services={name: driver.services for name, driver in DRIVERS.items()},
    )


def a_plan(*, platforms=tuple(SPEED), levels=(1, 100), deployments=4):
    sweep = {"levels": levels, "windows": 3}
    different = {
        "http": {**sweep, "settings": {"file_bytes": 1150}},
        "kv": sweep,
        "latency": {"windows": 5},
    }
    return builders.plan(
        *(
            builders.planned_workload(name, deployments=deployments, **different.get(name, {}))
            for name in DRIVERS
        ),
        platforms=(*map(platform, platforms), platform("linux-kvm", NO_KVM)),
        config_file="config/config.yaml",
        config={"seed": 7, "tuning": Tuning().model_dump(mode="json")},
        baseline="linux-native",
        seed=7,
        metrics=builders.METRICS,
    )


def figures_of(name, workload, level, noise):
    """Main figures of one window: metric, value, unit."""
    speed, memory = (SPEED | EMULATED)[name], "minimum" if name == "linux-tcg" else "load"
    rate = speed * noise * level / (level + 20)
    return {
        "http": [("http_throughput", 80_000 * rate, "requests/s")],
        "kv": [
            ("kv_get_throughput", 1_000_000 * rate, "requests/s"),
            ("kv_set_throughput", 800_000 * rate, "requests/s"),
        ],
        "startup": [("startup_time", 0.2 / speed * noise, "s")],
        "image_size": [("image_size_http", 18.2, "MiB"), ("image_size_kv", 33.1, "MiB")],
        "latency": [("round_trip_time", 0.05 / speed * noise, "ms")],
        "memory": [
            (f"memory_http_{memory}", 7.3 * noise, "MiB"),
            (f"memory_kv_{memory}", 9.1, "MiB"),
        ],
    }[workload]


def judge(rng, workload):
    """Most windows are ok; some have reasons that differ in their numbers only."""
    if workload != "http":
        return Verdict.OK, ()
    drawn = rng.random()
    if drawn < 0.08:
        reason = f"{rng.integers(2, 40)} requests failed (non-2xx)"
        return Verdict.INVALID, (reason,)
    if drawn < 0.3:
        busy = f"the client is saturated ({rng.integers(96, 100)} % busy), the server is not"
        return Verdict.SUSPECT, (busy, "steal during the window: 1.2 %")[: 1 + int(drawn < 0.15)]
    return Verdict.OK, ()


def secondary_of(name, metric, value, unit):
    yield Measure(metric=f"{metric}_other", value=value / 3, unit=unit)
    if metric.endswith("_throughput"):
        cost = metric.replace("throughput", "cpu_per_request")
        yield Measure(metric=cost, value=1e6 / value, unit="us")
    if metric == "startup_time":
        for phase in PHASES[name.partition("+")[0].split("-")[1]]:
            yield Measure(metric=f"startup_phase_{phase}", value=value / 4, unit=unit)


def windows_of(name, workload, level, count, rng):
    deployment_noise = rng.lognormal(0, 0.01)
    for index in range(1, count + 1):
        noise = deployment_noise * rng.lognormal(0, 0.02)
        verdict, reasons = judge(rng, workload)
        for metric, value, unit in figures_of(name, workload, level, noise):
            yield builders.window(
                metric,
                value,
                index=index,
                unit=unit,
                secondary=tuple(secondary_of(name, metric, value, unit)),
                started_utc=BEGAN.isoformat(),
                verdict=verdict,
                reasons=reasons,
            )


def a_cell(where, windows, sequence):
    begin = BEGAN + timedelta(seconds=sequence * (CELL_S + 2))
    return builders.cell(
        *where,
        windows,
        tuning={"client": {"net.core.somaxconn": "1024"}},
        sequence=sequence,
        started_utc=begin.isoformat(timespec="milliseconds"),
        finished_utc=(begin + timedelta(seconds=CELL_S)).isoformat(timespec="milliseconds"),
        duration_s=CELL_S,
        overhead_s={"set-up": 1.5, "warm-up": 0.5},
        machine_fingerprint=FINGERPRINT,
    )


def a_failure(job, message="the server under test died: killed by signal 9", **more):
    fields = {
        "kind": "InstanceDiedError",
        "remedy": "see its log",
        "failed_utc": BEGAN.isoformat(),
        "log": f"results/logs/{job}/job.log",
    }
    return Failure(job=job, message=message, **fields | more)


def a_machine():
    return MachineRecord.read(builders.DATA / "machine.json")


def an_image(technology, service):
    return builders.image(
        technology=technology,
        service=service,
        digest="sha256:" + "ab12" * 16,
        size=ImageSize(
            allocated_bytes=18_874_368,
            apparent_bytes=18_000_000,
            compressed_bytes=7_340_032,
            counted="the layers of the image",
        ),
        versions={"nginx-light": "1.22.1-9+deb12u1"},
    )


def write_cells(plan, folder, *, unsupported_workloads=()):
    rng = np.random.default_rng(plan.seed)
    counts = {workload.name: workload.windows for workload in plan.workloads}
    for sequence, where in enumerate(plan.cells()):
        name, workload, _, point = where
        windows = list(windows_of(name, workload, point.level, counts[workload], rng))
        path = str(where)
        if not any(path.startswith(prefix) for prefix in unsupported_workloads):
            a_cell(where, windows, sequence).write(folder / "cells" / f"{path}.json")


def write_tables(plan, folder):
    samples = gather(plan, folder / "cells")
    write_parquet(samples, folder / "tables/samples.parquet")
    for name, make in COMPUTE.items():
        write_csv(make(samples, plan), folder / f"tables/{name}.csv")


def write_comparison(folder):
    """Compare the run with the paper, as the workflow does."""
    a_machine().write(folder / "machine.json")
    tables = folder / "tables"
    paper_comparison.main(
        plan=folder / "plan.json",
        machine=folder / "machine.json",
        samples=tables / "samples.parquet",
        summary=tables / "summary.csv",
        ratios=tables / "ratios.csv",
        published=RESOURCES / "plauth2017",
        tables_dir=tables,
        log=folder / "log",
        job="paper_comparison",
    )


def write_rest(folder):
    for service in ("http", "kv"):
        an_image("docker", service).write(folder / "images/docker" / f"{service}.json")
    for name in ("fig3a_startup_time", "fig4a_http_throughput_native"):
        (folder / "figures").mkdir(exist_ok=True)
        (folder / "figures" / f"{name}.svg").write_text(SVG)
    (folder / "rulegraph.svg").write_text(SVG)
    (folder / "snakemake_report.html").write_text("x")


def page_of(folder):
    """Return the report as HTML, with the section on the paper."""
    inputs = read(folder, REPLICATION)
    return render(inputs, [papers_section(inputs)])


def run_tables(*, samples=None, **tables):
    """Return tables of platforms that are not emulated."""
    inputs = Inputs(
        plan=a_plan(),
        machine=None,
        samples=pd.DataFrame() if samples is None else samples,
        tables=dict.fromkeys(ANALYSIS, pd.DataFrame()) | tables,
        figures={},
        images=(),
        cells=(),
        looks=(),
        failures=(),
        rulegraph=None,
    )
    return RunTables(inputs, emulated=False)


def write_run(folder, *, unsupported_workloads=(), failures=(), plan=None):
    plan = plan or a_plan()
    plan.write(folder / "plan.json")
    write_cells(plan, folder, unsupported_workloads=unsupported_workloads)
    write_tables(plan, folder)
    write_comparison(folder)
    write_rest(folder)
    for failure in failures:
        failure.write(folder / "failures" / f"{failure.job}.json")
    return folder


@pytest.fixture(scope="session")
def make():
    """The builders, for tests that need a run of their own."""
    return SimpleNamespace(
        plan=a_plan,
        cell=a_cell,
        windows=windows_of,
        failure=a_failure,
        machine=a_machine,
        run=write_run,
        page=page_of,
        tables=run_tables,
    )


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run in which everything that could be measured was."""
    return write_run(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def emulated(tmp_path_factory):
    """A run of which two platforms are emulated in software."""
    plan = a_plan(platforms=("linux-native", "docker-native", *EMULATED))
    return write_run(tmp_path_factory.mktemp("emulated"), plan=plan)


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    """A run in which a window's server died, a deployment failed, and an image was not built."""
    return write_run(
        tmp_path_factory.mktemp("broken"),
        unsupported_workloads=(
            "docker-native/http/d2/c100",
            "docker-native/http/d3",
            "docker-native+host/kv",
            "linux-native/latency/d4",
        ),
        failures=(
            a_failure("measure/docker-native/http/d2/c100"),
            a_failure("deploy/docker-native/http/d3", "port 18080 is taken", kind="InstanceError"),
            a_failure("build_image/docker/kv", "the disk is full", kind="OSError"),
            a_failure("measure/long-gone/http/d1/c1", "of an earlier plan"),
        ),
    )


@pytest.fixture(scope="session")
def section(make):
    """Return what gives the visible text of a section of a run's report."""
    page_of = cache(make.page)

    def section(folder, name):
        inside = page_of(folder).partition(f'<section id="{name}"')[2].partition("</section>")[0]
        return " ".join(re.sub(r"<[^>]*>", " ", inside).split())

    return section
