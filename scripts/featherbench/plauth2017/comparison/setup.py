# SPDX-License-Identifier: Apache-2.0
"""The setup of the paper's experiment and of this run: differences that ratios do not cancel."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from featherbench.config.models import DEFAULT_LOAD_GENERATORS
from featherbench.plauth2017.data.experiment import EXPERIMENT
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import Plan, PlannedWorkload
from featherbench.wording.phrases import plural

CLIENTS = {
    "netns": "from a network namespace of this machine",
    "loopback": "from this machine, over its loopback",
}
VERSIONS = {"nginx-light": "1.8.0", "redis-server": "3.0.1"}
"""The paper's versions by Debian package."""
LOADS = {
    "http": "weighttp, 100,000 requests a run",
    "kv": "redis-benchmark, 100,000 requests a run",
}
SETTINGS = {
    ("http", "file_bytes"): "its institute’s favicon.ico, of unknown size",  # noqa: RUF001
    ("kv", "pipeline"): "pipelined, depth unknown",
}


def setup(plan: Plan, machine: MachineRecord) -> pd.DataFrame:
    """Return what, here, and in the paper: one row for each fact of the run."""
    facts = [
        ("CPU", machine.cpu_model or "unknown", "Intel Xeon E3-1284L v4"),
        ("operating system", machine.operating_system or "unknown", "Ubuntu 16.04.1"),
        *_of_config(plan.config),
        *_of_workloads(plan),
    ]
    return pd.DataFrame(facts, columns=["what", "here", "paper"])


def _of_config(config: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    client = str(config.get("testbed", {}).get("client", ""))
    if client:
        yield "load", CLIENTS.get(client, client), "from a second machine, over 10 Gbit/s Ethernet"
    packages = config.get("root_filesystem", {}).get("packages", {})
    for package, version in VERSIONS.items():
        if package in packages:
            yield package, str(packages[package]), version
    file_max = config.get("tuning", {}).get("file_max")
    yield "fs.file-max", str(file_max) if file_max else "not changed", "20000"


def _of_workloads(plan: Plan) -> Iterator[tuple[str, str, str]]:
    configured = plan.config.get("workloads", {})
    for workload in plan.workloads:
        name = workload.name
        if name in LOADS:
            generator = (configured.get(name) or {}).get("load_generator")
            generator = generator or DEFAULT_LOAD_GENERATORS[name]
            yield f"{name}: load generator", generator, LOADS[name]
        for (of, key), papers in SETTINGS.items():
            if of == name and key in workload.settings:
                yield f"{name}: {key}", f"{workload.settings[key]:,}", papers
        if name in EXPERIMENT.repetitions:
            papers = str(EXPERIMENT.repetitions[name])
            yield f"{name}: repetitions", _repetitions(workload), papers


def _repetitions(workload: PlannedWorkload) -> str:
    at_most = "at most " if workload.until else ""
    deployments = plural(workload.deployments, "deployment")
    return f"{at_most}{deployments} × {plural(workload.windows, 'window')}"  # noqa: RUF001
