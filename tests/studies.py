# SPDX-License-Identifier: Apache-2.0
"""Synthetic studies: plans, and the cells that a run would write, with a known seed."""

import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import builders
import paper_comparison
from builders import METRICS
from featherbench.plauth2017.claims.by_tukey import tukeys_tests
from featherbench.plauth2017.comparison import claims_on_run
from featherbench.plauth2017.data.published import read_summary
from featherbench.records.cell import Measure, Metric, Verdict
from featherbench.records.load_point import Axis
from featherbench.records.requirement import MissingRequirement
from featherbench.statistics.data.samples import cell_files, gather
from featherbench.statistics.time_to_first_packet import MBIT_PER_MIB

WORKLOADS = ("http", "kv", "startup", "image_size", "latency", "memory")
TWO = ("linux-native", "docker-native")
TWELVE = (
    *("linux-native", "docker-native", "docker-native+bridge", "docker-native+host", "lxd-native"),
    *("linux-kvm", "docker-kvm", "lxd-kvm", "rumprun-kvm", "osv-kvm", "mirageos-xen", "netbsd-kvm"),
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


CAPACITIES = tuple(
    Metric(
        name=f"{prefix}_capacity", service=service, aspect="capacity", unit="requests/s",
        better="higher", label=f"{panel} capacity at p99 of 5 ms", panel=panel, operation=operation,
    )
    for prefix, service, panel, operation in (
        ("http", "http", "HTTP", ""),
        ("kv_get", "kv", "Redis GET", "GET"),
    )
)  # fmt: skip


def plan_of(
    names, *, lacking=(), fixed=(), levels=LEVELS, deployments=3, windows=3, workloads=WORKLOADS
):
    of_levels = {"http": levels, "kv": levels}
    planned = [
        builders.planned_workload(
            name, levels=of_levels.get(name, (1,)), deployments=deployments, windows=windows
        )
        for name in workloads
    ]
    platforms = [_platform(name, lacking, fixed) for name in names]
    metrics = (*METRICS, *CAPACITIES) if "capacity" in workloads else METRICS
    axes = {point.axis for workload in planned for point in workload.load_points}
    if Axis.PERCENT in axes:
        metrics = tuple(
            metric.model_copy(update={"axis": Axis.PERCENT}) if metric.axis is Axis.RATE else metric
            for metric in metrics
        )
    return builders.plan(
        *planned, platforms=platforms, config_file="config/config.yaml", metrics=metrics
    )


def _platform(name, lacking, fixed):
    hypervisor = name.partition("+")[0].partition("-")[2]
    missing = MissingRequirement(what="no driver", remedy="write one")
    return builders.planned_platform(
        name,
        virtualized=hypervisor != "native",
        emulated=hypervisor == "tcg",
        fixed_memory=name in fixed,
        missing_requirements=(missing,) if name in lacking else (),
    )


def _speed(platform):
    speed = SPEED.get(platform.technology, 0.55) * (0.8 if platform.virtualized else 1.0)
    speed *= 0.05 if platform.emulated else 1.0
    return speed * {"bridge": 1.1, "host": 1.3}.get(platform.name.partition("+")[2], 1.0)


REACH = {"http": 80_000, "kv_get": 1_700_000, "kv_set": 1_360_000}
"""What the baseline reaches, in requests/s."""
OVER_P99 = {"mean": 0.4, "p50": 0.3, "p90": 0.6, "p95": 0.8, "p999": 3.0, "max": 9.0}


def _histogram(p99_us, requests=5000):
    """A histogram of so many exponential latencies, with buckets of a sixteenth."""
    ranks = (np.arange(requests) + 0.5) / requests
    exact_ns = -np.log(1 - ranks) * p99_us * 1e3 / np.log(100)
    least_ns, counts = np.unique(
        (2 ** (np.floor(np.log2(exact_ns) * 16) / 16)).astype(int), return_counts=True
    )
    return tuple(zip(least_ns.tolist(), counts.tolist(), strict=True))


def _open_window(platform, prefix, point, index, noise):
    """A window at a rate: its latency grows until the rate is not reached."""
    offered = point.level * (REACH[prefix] / 100 if point.axis is Axis.PERCENT else 1)
    reach = REACH[prefix] * _speed(platform)
    busy = min(offered / reach, 0.99)
    p99_us = 200 / _speed(platform) / (1 - busy) * noise
    others = {f"latency_{name}": ("us", p99_us * over) for name, over in OVER_P99.items()}
    others |= {
        "throughput": ("requests/s", min(offered, reach)),
        "offered": ("requests/s", offered),
    }
    others |= {"cpu_per_request": ("us", 12 / _speed(platform) * noise)}
    return builders.window(
        f"{prefix}_open_latency_p99",
        p99_us,
        unit="us",
        index=index,
        histogram=_histogram(p99_us),
        secondary=tuple(
            Measure(metric=f"{prefix}_open_{name}", value=value, unit=unit)
            for name, (unit, value) in others.items()
        ),
        verdict=Verdict.OK if offered < reach else Verdict.SUSPECT,
        reasons=() if offered < reach else (f"short of the rate: {reach:,.0f} of {offered:,.0f}",),
    )


def _figures(platform, workload, level, noise):
    """Main figures of one window by metric, unit and value."""
    speed = _speed(platform)
    load = level / (level + 20) * (1 - level / 4000)
    if workload == "http":
        return [("http_throughput", "requests/s", 80_000 * speed * load * noise)]
    if workload == "kv":
        get = 1_700_000 * speed * load * noise
        rates = {"kv_get_throughput": get, "kv_set_throughput": 0.8 * get}
        return [(metric, "requests/s", rate) for metric, rate in rates.items()]
    if workload == "startup":
        return [("startup_time", "s", SECONDS.get(platform.name, 1.5 / speed) * noise)]
    if workload == "image_size":
        size = MEBIBYTES.get(platform.technology, 280.0)
        return [(f"image_size_{service}", "MiB", size) for service in ("http", "kv")]
    if workload == "latency":
        return [("round_trip_time", "ms", 0.05 / speed * noise)]
    return _memory(20 / speed * noise, fixed=platform.fixed_memory)


def _capacities(platform, noise):
    reaches = {one.name: REACH[one.name.removesuffix("_capacity")] for one in CAPACITIES}
    share = 0.8 * _speed(platform) * noise
    return [(name, "requests/s", share * reach) for name, reach in reaches.items()]


def _memory(held, *, fixed):
    if fixed:
        return [("memory_http_minimum", "MiB", 72.0), ("memory_kv_minimum", "MiB", 80.0)]
    return [(f"memory_{service}_load", "MiB", held) for service in ("http", "kv")]


def _secondary(metric, unit, value):
    stem = metric.removesuffix("_throughput").removesuffix("_load")
    if metric.endswith("_throughput"):
        names = ("mean", "p50", "p90", "p99", "max")
        cost = Measure(metric=f"{stem}_cpu_per_request", value=1e6 / value, unit="us")
        times = (f"{stem}_latency_{name}" for name in names)
        return [*(Measure(metric=name, value=1e9 / value, unit="us") for name in times), cost]
    if metric.endswith("_minimum"):
        parts = {f"{metric.removesuffix('least')}hypervisor": value + 30}
    elif metric.startswith("memory"):
        shares = {"idle": 0.6, "peak": 1.4, "load_anonymous": 0.8, "idle_anonymous": 0.5}
        parts = {f"{stem}_{name}": value * share for name, share in shares.items()}
    elif metric.startswith("image_size"):
        parts = {f"{metric}_apparent": value * 1.2, f"{metric}_compressed": value * 0.4}
    else:
        parts = {}
    return [Measure(metric=name, value=part, unit=unit) for name, part in parts.items()]


def _windows(platform, workload, point, *, count, deployment_noise, rng):
    for index in range(1, count + 1):
        noise = deployment_noise * rng.lognormal(0, 0.03)
        if point.axis is not Axis.CONNECTIONS:
            for prefix in ("http",) if workload == "http" else ("kv_get", "kv_set"):
                yield _open_window(platform, prefix, point, index, noise)
            continue
        verdict = rng.choice(list(Verdict), p=[0.96, 0.02, 0.02])
        figures = (
            _capacities(platform, noise)
            if workload == "capacity"
            else _figures(platform, workload, point.level, noise)
        )
        for metric, unit, value in figures:
            yield builders.window(
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
    for (name, workload, deployment, point), path in zip(
        plan.cells(), cell_files(plan, folder), strict=True
    ):
        made = _windows(
            platforms[name],
            workload,
            point,
            count=windows[workload],
            deployment_noise=rng.lognormal(0, 0.02),
            rng=rng,
        )
        place = places[name, workload, deployment, point]
        cell = builders.cell(platforms[name], workload, deployment, point, made, sequence=place)
        cell.write(path)


def _order(plan, seed):
    """Return the place of each cell in the order: random within the block of its deployment."""
    cells = list(plan.cells())
    shuffled = np.random.default_rng(seed).permutation(len(cells))
    blocked = sorted(shuffled, key=lambda number: cells[number][2])
    return {cells[number]: place for place, number in enumerate(blocked)}


def first_packets(platforms, *, services=("http",), spread=0.01):
    """Samples of platforms by name: mean start in s, and compressed image in Mbit."""
    rows = []
    for name, (start_s, image_mbit) in platforms.items():
        technology, hypervisor = name.split("-")
        names = {"platform": name, "technology": technology, "hypervisor": hypervisor}
        shared = names | {"verdict": "ok"}
        starts = start_s * (1 + spread * np.array([-1, 0, 1]))
        rows += [
            shared | {"metric": "startup_time", "deployment": n, "value": start}
            for n, start in enumerate(starts, start=1)
        ]
        rows += [
            shared | {"metric": f"image_size_{service}{kind}", "deployment": 1, "value": size}
            for service in services
            for kind, size in (("_compressed", image_mbit / MBIT_PER_MIB), ("", 1e6))
        ]
    return pd.DataFrame(rows)


def study_of(plan, folder):
    """Write the cells of `plan` into `folder`, and gather them."""
    write_cells(plan, folder)
    return SimpleNamespace(plan=plan, cells=folder, samples=gather(plan, folder))


@cache
def _shared(name):
    """Make a study once for all tests of the session."""
    names, more = STUDIES[name]
    return study_of(plan_of(names, **more), Path(tempfile.mkdtemp(prefix=f"{name}-")))


def layers(plot, geom):
    """The data that each layer of that geom draws."""
    layers = [layer for layer in plot.layers if type(layer.geom).__name__ == geom]
    return [plot.data if layer._data is None else layer._data for layer in layers]


STUDIES = {
    "two": (TWO, {}),
    "twelve": (TWELVE, {}),
    "nine": (
        NINE,
        {"fixed": GUESTS, "levels": (1, 100)}
        | {"workloads": ("http", "startup", "image_size", "memory")},
    ),
}


def _once(function):
    """Cache a function of a frame by the frame's identity."""
    results = {}

    def cached(frame):
        if id(frame) not in results:
            results[id(frame)] = frame, function(frame)
        return results[id(frame)][1]

    return cached


@pytest.fixture(scope="session", autouse=True)
def papers_data_once():
    """Read the paper's data, and make its tests of them, once a session: they never change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_comparison, "read_summary", cache(read_summary))
        patch.setattr(claims_on_run, "tukeys_tests", _once(tukeys_tests))
        yield


@pytest.fixture(scope="session")
def make():
    """The builders, for tests that need a study of their own."""
    return SimpleNamespace(
        plan=plan_of,
        cell=builders.cell,
        window=builders.window,
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
