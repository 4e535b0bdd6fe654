# SPDX-License-Identifier: Apache-2.0
"""Synthetic studies: plans, and the cells that a run would write, with a known seed."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from builders import METRICS
from featherbench.records.cell import Cell, Coordinates, Measure, Verdict, Window
from featherbench.records.plan import MissingRequirement, Plan, PlannedPlatform, PlannedWorkload
from featherbench.statistics.data.samples import cell_files, gather

WORKLOADS = ("http", "kv", "startup", "image_size", "latency", "memory")
TWO = ("linux-native", "docker-native")
TWELVE = (
    "linux-native",
    "docker-native",
    "docker-native+bridge",
    "docker-native+host",
    "lxd-native",
    "linux-kvm",
    "docker-kvm",
    "lxd-kvm",
    "rumprun-kvm",
    "osv-kvm",
    "mirageos-xen",
    "netbsd-kvm",
)
GUESTS = ("linux-tcg", "linux-kvm")
"""Whole systems, whose amount of memory is fixed."""
NINE = tuple(
    f"{t}-{hypervisor}"
    for hypervisor in ("native", "tcg", "kvm")
    for t in ("linux", "docker", "lxd")
)
LEVELS = (1, *range(100, 1001, 100))
SPEED = {"linux": 1.0, "docker": 0.6, "lxd": 0.75, "rumprun": 0.5, "osv": 0.8, "mirageos": 0.03}
SECONDS = {"linux-native": 0.004, "docker-native": 0.23, "linux-kvm": 8.5, "lxd-native": 6.3}
MEBIBYTES = {"linux": 2256.0, "docker": 355.0, "rumprun": 18.0, "osv": 10.9, "mirageos": 3.1}


def plan_of(
    names, *, lacking=(), fixed=(), levels=LEVELS, deployments=3, windows=3, workloads=None
):
    return Plan(
        config_file="config/config.yaml",
        config={},
        baseline=names[0],
        seed=1,
        platforms=tuple(_platform(name, lacking, fixed) for name in names),
        metrics=METRICS,
        workloads=tuple(
            PlannedWorkload(
                name=name,
                levels=levels if name in ("http", "kv") else (1,),
                deployments=deployments,
                windows=windows,
                settings={},
            )
            for name in workloads or WORKLOADS
        ),
    )


def _platform(name, lacking, fixed):
    place, _, network = name.partition("+")
    technology, hypervisor = place.split("-")
    missing_requirements = (
        (MissingRequirement(what="no driver", remedy="write one"),) if name in lacking else ()
    )
    return PlannedPlatform(
        name=name,
        technology=technology,
        hypervisor=hypervisor,
        network=network or "nat",
        image_owner=technology,
        virtualized=hypervisor != "native",
        emulated=hypervisor == "tcg",
        fixed_memory=name in fixed,
        missing_requirements=missing_requirements,
    )


def _figures(platform, workload, concurrency, noise):
    """Main figures of one window by metric, unit and value."""
    speed = SPEED.get(platform.technology, 0.55) * (0.8 if platform.virtualized else 1.0)
    speed *= 0.05 if platform.emulated else 1.0
    speed *= {"bridge": 1.1, "host": 1.3}.get(platform.name.partition("+")[2], 1.0)
    load = concurrency / (concurrency + 20) * (1 - concurrency / 4000)
    if workload == "http":
        return [("http_throughput", "requests/s", 80_000 * speed * load * noise)]
    if workload == "kv":
        get = 1_700_000 * speed * load * noise
        return [
            ("kv_get_throughput", "requests/s", get),
            ("kv_set_throughput", "requests/s", 0.8 * get),
        ]
    if workload == "startup":
        return [("startup_time", "s", SECONDS.get(platform.name, 1.5 / speed) * noise)]
    if workload == "image_size":
        size = MEBIBYTES.get(platform.technology, 280.0)
        return [(f"image_size_{service}", "MiB", size) for service in ("http", "kv")]
    if workload == "latency":
        return [("round_trip_time", "ms", 0.05 / speed * noise)]
    return _memory(20 / speed * noise, fixed=platform.fixed_memory)


def _memory(held, *, fixed):
    if fixed:
        return [("memory_http_minimum", "MiB", 72.0), ("memory_kv_minimum", "MiB", 80.0)]
    return [(f"memory_{service}_load", "MiB", held) for service in ("http", "kv")]


def _secondary(metric, unit, value):
    stem = metric.removesuffix("_throughput").removesuffix("_load")
    if metric.endswith("_throughput"):
        names = ("mean", "p50", "p90", "p99", "max")
        return [Measure(metric=f"{stem}_latency_{n}", value=1e9 / value, unit="us") for n in names]
    if metric.endswith("_minimum"):
        return [
            Measure(metric=f"{metric.removesuffix('least')}hypervisor", value=value + 30, unit=unit)
        ]
    if metric.startswith("memory"):
        parts = {"idle": 0.6, "peak": 1.4, "load_anonymous": 0.8, "idle_anonymous": 0.5}
        return [Measure(metric=f"{stem}_{n}", value=value * x, unit=unit) for n, x in parts.items()]
    if metric.startswith("image_size"):
        parts = {"apparent": 1.2, "compressed": 0.4}
        return [
            Measure(metric=f"{metric}_{n}", value=value * x, unit=unit) for n, x in parts.items()
        ]
    return []


def window_of(metric, value, *, unit="requests/s", index=1, **more):
    return Window(
        index=index,
        metric=metric,
        value=value,
        unit=unit,
        started_utc="2024-01-01T00:00:00.000+00:00",
        **{"started_monotonic_s": 100.0, "duration_s": 2.0} | more,
    )


def cell_of(platform, workload, deployment, concurrency, windows, *, sequence=7):
    return Cell(
        coordinates=Coordinates(
            platform=platform.name,
            technology=platform.technology,
            hypervisor=platform.hypervisor,
            network=platform.network,
            workload=workload,
            deployment=deployment,
            concurrency=concurrency,
        ),
        spec={},
        windows=tuple(windows),
        instance=None,
        redeployed=False,
        image_digest="sha256:0",
        verified="yes",
        tuning={},
        sequence=sequence,
        started_utc="2024-01-01T00:00:00.000+00:00",
        finished_utc="2024-01-01T00:00:09.000+00:00",
        duration_s=9.0,
        overhead_s={},
        client={},
        machine_fingerprint="abc",
    )


def _windows(platform, workload, level, *, count, deployment_noise, rng):
    for index in range(1, count + 1):
        noise = deployment_noise * rng.lognormal(0, 0.03)
        verdict = rng.choice(list(Verdict), p=[0.96, 0.02, 0.02])
        for metric, unit, value in _figures(platform, workload, level, noise):
            yield window_of(
                metric,
                value,
                unit=unit,
                index=index,
                secondary=tuple(_secondary(metric, unit, value)),
                verdict=verdict,
                reasons=() if verdict == Verdict.OK else ("a reason", "another"),
            )


def write_cells(plan, folder, seed=1):
    rng = np.random.default_rng(seed)
    platforms = {platform.name: platform for platform in plan.platforms}
    windows = {workload.name: workload.windows for workload in plan.workloads}
    places = _order(plan, seed)
    for (name, workload, deployment, level), path in zip(
        plan.cells(), cell_files(plan, folder), strict=True
    ):
        made = _windows(
            platforms[name],
            workload,
            level,
            count=windows[workload],
            deployment_noise=rng.lognormal(0, 0.02),
            rng=rng,
        )
        place = places[name, workload, deployment, level]
        cell_of(platforms[name], workload, deployment, level, made, sequence=place).write(path)


def _order(plan, seed):
    """Return the place of each cell in the order: random within the block of its deployment."""
    cells = list(plan.cells())
    shuffled = np.random.default_rng(seed).permutation(len(cells))
    blocked = sorted(shuffled, key=lambda number: cells[number][2])
    return {cells[number]: place for place, number in enumerate(blocked)}


def study_of(plan, folder):
    """Write the cells of `plan` into `folder`, and gather them."""
    write_cells(plan, folder)
    return SimpleNamespace(plan=plan, cells=folder, samples=gather(plan, folder))


@cache
def _shared(name):
    """Make a study once for all tests of the session."""
    names, more = STUDIES[name]
    return study_of(plan_of(names, **more), Path(tempfile.mkdtemp(prefix=f"{name}-")))


STUDIES = {
    "two": (TWO, {}),
    "twelve": (TWELVE, {}),
    "nine": (
        NINE,
        {
            "fixed": GUESTS,
            "levels": (1, 100),
            "workloads": ("http", "startup", "image_size", "memory"),
        },
    ),
}


@pytest.fixture(scope="session")
def make():
    """The builders, for tests that need a study of their own."""
    return SimpleNamespace(
        plan=plan_of,
        cell=cell_of,
        window=window_of,
        study=study_of,
        TWO=TWO,
        NINE=NINE,
        GUESTS=GUESTS,
        TWELVE=TWELVE,
    )


@pytest.fixture(scope="session")
def two():
    """A study of two platforms."""
    return _shared("two")


@pytest.fixture(scope="session")
def twelve():
    """A study of twelve platforms, native and virtualized."""
    return _shared("twelve")


@pytest.fixture(scope="session")
def nine():
    """A study of three technologies, native, in guests, and in guests that are emulated."""
    return _shared("nine")
