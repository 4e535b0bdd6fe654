# SPDX-License-Identifier: Apache-2.0
"""Measures one cell: gets the instance that it needs, and lets the workload work."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from featherbench import registry
from featherbench.clock import now_utc
from featherbench.jobs.deployment import bench_for, warm_instance
from featherbench.records.cell import Cell, Deployment
from featherbench.services import open_connections
from featherbench.system.fingerprint import fingerprint
from featherbench.testbed import lease

if TYPE_CHECKING:
    from pathlib import Path

    from featherbench.contracts.bench import Bench
    from featherbench.records.job_specs import MeasureSpec
    from featherbench.testbed.session import Testbed


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The bench that a cell is measured on, and what is known of it."""

    bench: Bench
    redeployed: bool = False
    verified: str = ""
    tuning: dict[str, Any] = field(default_factory=dict)
    overhead_s: dict[str, float] = field(default_factory=dict)


def _set_up(
    spec: MeasureSpec, bench: Bench, deployment: Deployment | None, testbed: Testbed
) -> Setting:
    if deployment is None:
        lease.release()  # at most one server under test lives at a time
        return Setting(bench=bench, tuning={"testbed": dict(testbed.applied)})
    leased = warm_instance(spec, deployment, bench, testbed)
    tuning = leased.tuning
    sweeps = registry.load("workloads", spec.workload.name).sweeps
    if sweeps and leased.bench.technology.user_images:
        tuning = {
            **tuning,
            open_connections.KEY: open_connections.verify(leased.bench, spec.concurrency),
        }
    return Setting(
        bench=leased.bench,
        redeployed=leased.redeployed,
        verified=leased.verified,
        tuning=tuning,
        overhead_s={"redeploy": leased.redeploy_s, "warm-up": leased.warm_up_s},
    )


def _image_digests(bench: Bench) -> str:
    return ",".join(f"{service}={image.digest}" for service, image in sorted(bench.images.items()))


def measure_cell(
    spec: MeasureSpec, testbed: Testbed, deployment: Deployment | None, *, logs: Path
) -> Cell:
    """Measure a cell; `deployment` is None for workloads that start their own instances."""
    began_utc, began_s = now_utc(), time.monotonic()
    workload = registry.load("workloads", spec.workload.name)
    bench = bench_for(spec, testbed, concurrency=spec.concurrency, logs=logs)
    setting = _set_up(spec, bench, deployment, testbed)
    set_up_s = time.monotonic() - began_s
    windows = workload.measure(setting.bench, spec.concurrency, spec.windows)
    duration_s = time.monotonic() - began_s
    return Cell(
        coordinates=bench.coordinates,
        spec=spec.model_dump(mode="json"),
        windows=tuple(windows),
        instance=setting.bench.instance,
        redeployed=setting.redeployed,
        image_digest=_image_digests(bench),
        verified=setting.verified,
        tuning=setting.tuning,
        sequence=testbed.sequence,
        started_utc=began_utc,
        finished_utc=now_utc(),
        duration_s=duration_s,
        overhead_s={
            "set-up": max(0.0, set_up_s - sum(setting.overhead_s.values())),
            **setting.overhead_s,
        },
        client={"address": testbed.client.address, "cpus": list(testbed.client.cpus)},
        machine_fingerprint=fingerprint(),
    )
