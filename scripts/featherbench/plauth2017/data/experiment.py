# SPDX-License-Identifier: Apache-2.0
"""The paper's experiment as a plan: its platforms, workloads and metrics."""

from __future__ import annotations

from featherbench.records.metric import Metric
from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload

BASELINE = "linux-native"
PLATFORMS = (
    BASELINE,
    "docker-native",
    "lxd-native",
    "linux-kvm",
    "docker-kvm",
    "lxd-kvm",
    "rumprun-kvm",
    "osv-kvm",
    "linux-xen",
    "rumprun-xen",
    "mirageos-xen",
)
"""In the order of tables and figures. The paper's "Ubuntu" is `linux`."""
NETWORK = "unknown"

REPETITIONS = {"http": 30, "kv": 100, "startup": 30, "image_size": 1, "latency": 30, "memory": 1}
HUNDREDS = tuple(range(100, 1001, 100))
LEVELS = {"http": (1, *HUNDREDS), "kv": HUNDREDS}

OPERATIONS = {"kv_get_throughput": "GET", "kv_set_throughput": "SET"}
METRICS = tuple(
    Metric(
        name=name,
        service=service,
        aspect=aspect,
        unit=unit,
        better="higher" if aspect == "throughput" else "lower",
        label=label,
        operation=OPERATIONS.get(name, ""),
    )
    for name, service, aspect, unit, label in (
        ("http_throughput", "http", "throughput", "requests/s", "HTTP throughput"),
        ("kv_get_throughput", "kv", "throughput", "requests/s", "Redis GET throughput"),
        ("kv_set_throughput", "kv", "throughput", "requests/s", "Redis SET throughput"),
        ("startup_time", "startup", "startup", "s", "startup time"),
        ("image_size", "", "image_size", "MiB", "image size"),
        ("round_trip_time", "http", "round_trip", "ms", "network round-trip time"),
        ("memory_http_load", "http", "memory", "MiB", "memory of http under load"),
        ("memory_kv_load", "kv", "memory", "MiB", "memory of kv under load"),
    )
)


def plan() -> Plan:
    """Return the plan. A repetition counts as a deployment; MirageOS has only 10 of http."""
    return Plan(
        config_file="resources/plauth2017",
        config={},
        baseline=BASELINE,
        seed=0,
        platforms=tuple(map(_platform, PLATFORMS)),
        workloads=tuple(map(_workload, REPETITIONS)),
        metrics=METRICS,
    )


def _platform(name: str) -> PlannedPlatform:
    technology, hypervisor = name.split("-")
    return PlannedPlatform(
        name=name,
        technology=technology,
        hypervisor=hypervisor,
        network=NETWORK,
        image_owner=technology,
        virtualized=hypervisor != "native",
        missing_requirements=(),
    )


def _workload(name: str) -> PlannedWorkload:
    return PlannedWorkload(
        name=name,
        levels=LEVELS.get(name, (1,)),
        deployments=REPETITIONS[name],
        windows=1,
        settings={},
    )
