# SPDX-License-Identifier: Apache-2.0
"""What the paper's experiment was, beside what this run is: differences that no ratio cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from featherbench.config.models import DEFAULT_LOAD_GENERATORS
from featherbench.plauth2017.data.experiment import REPETITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.records.machine import MachineRecord
    from featherbench.records.plan import Plan, PlannedWorkload

COLUMNS = ["what", "here", "paper"]
CLIENTS = {
    "netns": "from a network namespace of this machine",
    "loopback": "from this machine, over its loopback",
}
VERSIONS = {"nginx-light": "1.8.0", "redis-server": "3.0.1"}
"""By Debian package, the paper's."""
LOADS = {
    "http": "weighttp, 100,000 requests a run",
    "kv": "redis-benchmark, 100,000 requests a run",
}
SETTINGS = {
    ("http", "file_bytes"): "its institute’s favicon.ico, of untold size",  # noqa: RUF001
    ("kv", "pipeline"): "pipelined, untold how deep",
}


def setup(plan: Plan, machine: MachineRecord) -> pd.DataFrame:
    """Give a frame of COLUMNS, one row a fact, of what the run has at all."""
    facts = [
        ("CPU", machine.cpu_model or "unknown", "Intel Xeon E3-1284L v4"),
        ("operating system", machine.operating_system or "unknown", "Ubuntu 16.04.1"),
        *_of_config(plan.config),
        *_of_workloads(plan),
    ]
    return pd.DataFrame(facts, columns=COLUMNS)


def _of_config(config: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    client = str(config.get("testbed", {}).get("client", ""))
    if client:
        yield "load", CLIENTS.get(client, client), "from a second machine, over 10 Gbit/s Ethernet"
    packages = config.get("root_filesystem", {}).get("packages", {})
    for package, version in VERSIONS.items():
        if package in packages:
            yield package, str(packages[package]), version
    file_max = config.get("tuning", {}).get("file_max")
    yield "fs.file-max", str(file_max) if file_max else "left as it is", "20000"


def _of_workloads(plan: Plan) -> Iterator[tuple[str, str, str]]:
    configured = plan.config.get("workloads", {})
    for workload in plan.workloads:
        name = workload.name
        if name in LOADS:
            given = (configured.get(name) or {}).get("load_generator")
            yield f"{name}: load generator", given or DEFAULT_LOAD_GENERATORS[name], LOADS[name]
        for (of, key), papers in SETTINGS.items():
            if of == name and key in workload.settings:
                yield f"{name}: {key}", f"{workload.settings[key]:,}", papers
        if name in REPETITIONS:
            yield f"{name}: repetitions", _repetitions(workload), f"{REPETITIONS[name]}"


def _repetitions(workload: PlannedWorkload) -> str:
    at_most = "at most " if workload.until else ""
    deployments, windows = (
        f"{n:,} {one if n == 1 else f'{one}s'}"
        for n, one in ((workload.deployments, "deployment"), (workload.windows, "window"))
    )
    return f"{at_most}{deployments} × {windows}"  # noqa: RUF001
