# SPDX-License-Identifier: Apache-2.0
"""Starts the server under test, finds it again for the next cell, and measures cells against it.

The instance is a lease, not a file: a deploy record on disk says what to run. A job that measures
asks for the live instance that matches the record. If there is none (after a broken run, or another
deployment since), it is started and warmed up again.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench import registry
from featherbench.clock import now_utc
from featherbench.contracts.bench import Bench
from featherbench.errors import ImageError, InstanceDiedError, LoadError, RecordError, TestbedError
from featherbench.records.cell import OPEN_CONNECTIONS, Cell, Deployment, Verdict
from featherbench.records.instance import Image
from featherbench.records.job_specs import DeploySpec, MeasureSpec
from featherbench.records.load_point import ONE_CONNECTION, LoadPoint, OfferedLoad
from featherbench.services import launcher, open_connections
from featherbench.services.readiness import wait_until_ready
from featherbench.system.fingerprint import fingerprint
from featherbench.system.sysctls import NOT_SET
from featherbench.testbed import lease
from featherbench.testbed.lease import Lease
from featherbench.testbed.session import Testbed

if TYPE_CHECKING:
    from featherbench.contracts.workload import Workload

IMAGES = Path("results/images")


@dataclass(frozen=True, kw_only=True)
class LiveInstance:
    """A bench with an instance that serves what it should, and how it came to be.

    Workloads that start their own instances get a bench without one. `tuning` has what was set on
    both sides of the testbed, and what was read back inside the instance.
    """

    bench: Bench
    tuning: Mapping[str, Any]
    verified: str = ""
    ready_after_s: float = 0.0
    redeployed: bool = False
    load: Mapping[str, object] = field(default_factory=dict)
    overhead_s: Mapping[str, float] = field(default_factory=dict)


def image_of(owner: str, service: str) -> Image:
    """Read an image's record. Raise ImageError if it cannot be read."""
    path = IMAGES / owner / f"{service}.json"
    try:
        return Image.read(path)
    except (FileNotFoundError, RecordError) as unreadable:
        raise ImageError(
            f"the record {path} of the image is gone or damaged",
            remedy=f"rm -f {path} {path.with_suffix('.digest')}, and run again: it is then rebuilt",
        ) from unreadable


def bench_for(
    spec: DeploySpec, testbed: Testbed, *, load_point: LoadPoint = ONE_CONNECTION, logs: Path
) -> Bench:
    """Return what a workload works with; no instance is under test yet."""
    names = (spec.platform.technology, spec.platform.hypervisor)
    technology = registry.platform(*names, hypervisor_settings=spec.platform.hypervisor_settings)
    assert technology is not None, f"{spec.platform.name} was planned, but cannot run"
    workload = registry.load("workloads", spec.workload.name)
    owner = registry.image_owner(*names)
    load_generators = {
        service: registry.load("loadgens", name)
        for service, name in spec.workload.load_generators.items()
    }
    for load_generator in load_generators.values():
        load_generator.prepare()
    return Bench(
        coordinates=spec.coordinates(load_point),
        technology=technology,
        technology_settings=technology.Settings.model_validate(spec.platform.settings),
        settings=workload.Settings.model_validate(spec.workload.settings),
        load_generators=load_generators,
        images={service: image_of(owner, service) for service in spec.services},
        client=testbed.client,
        placement=testbed.placement.with_share(technology.subnet_share),
        tuning=testbed.tuning,
        logs=logs,
    )


@contextmanager
def _stopped_on_failure(bench: Bench) -> Iterator[None]:
    try:
        yield
    except BaseException:
        bench.technology.stop(bench.under_test)
        raise


def _start(bench: Bench, workload: Workload, testbed: Testbed) -> LiveInstance:
    (service,) = bench.images
    request = launcher.request_to_stay(bench, service)
    bench.technology.prepare(request)
    began_s = time.monotonic()
    running = bench.with_instance(bench.technology.start(request))
    with _stopped_on_failure(running):
        wait_until_ready(running)
        ready_after_s = time.monotonic() - began_s
        verified = workload.verify(running)
        tuning = {"testbed": dict(testbed.applied), "instance": _tuning_in_force(running)}
    return LiveInstance(
        bench=running, tuning=tuning, verified=verified, ready_after_s=ready_after_s
    )


def _tuning_in_force(bench: Bench) -> dict[str, str]:
    """Return the tuning inside the instance. Raise TestbedError if it differs from the request."""
    in_force = bench.technology.tuning_in_force(bench.under_test, bench.tuning)
    nofile = {} if bench.tuning.nofile is None else {"nofile": str(bench.tuning.nofile)}
    for key, requested in {**bench.tuning.net_sysctls, **nofile}.items():
        value = in_force.get(key) or ""
        if not value.startswith(NOT_SET) and value.split() != requested.split():
            raise TestbedError(
                f"{key} is {value!r} inside {bench.coordinates.platform}, not {requested!r}",
                remedy="take it out of `tuning`, or choose a value that can be set",
            )
    return {**in_force, **bench.apply_runtime_settings()}


def deploy(spec: DeploySpec, bench: Bench, testbed: Testbed) -> Deployment:
    """Start the deployment's instance from nothing, and lease it to the jobs that follow."""
    lease.release()
    live = _start(bench, registry.load("workloads", spec.workload.name), testbed)
    instance = live.bench.under_test
    deployment = Deployment(
        coordinates=bench.coordinates.model_dump(exclude={"load_point"}),
        deployment_id=uuid.uuid4().hex,
        instance=instance,
        image_digest=bench.images[instance.service].digest,
        ready_after_s=live.ready_after_s,
        verified=live.verified,
        tuning=dict(live.tuning),
        sequence=testbed.sequence,
    )
    _hold(spec, deployment, live.bench, warmed=False)
    return deployment


def _hold(spec: DeploySpec, deployment: Deployment, bench: Bench, *, warmed: bool) -> None:
    lease.store(
        Lease(
            deployment_id=deployment.deployment_id,
            instance=bench.under_test,
            technology=spec.platform.technology,
            hypervisor=spec.platform.hypervisor,
            hypervisor_settings=spec.platform.hypervisor_settings,
            plugins=registry.folders_from_environment(),
            warmed=warmed,
        )
    )


def _living_lease(deployment: Deployment, bench: Bench) -> Lease | None:
    """Return the deployment's lease if its instance still runs."""
    held = lease.current()
    if held is None or held.deployment_id != deployment.deployment_id:
        return None
    return held if bench.technology.is_running(held.instance) else None


def warm_instance(
    spec: DeploySpec, deployment: Deployment, bench: Bench, testbed: Testbed
) -> LiveInstance:
    """Return the deployment's live instance, warmed up; start it again if it is gone.

    Raise InstanceDiedError if the instance does not survive its warm-up.
    """
    workload = registry.load("workloads", spec.workload.name)
    began_s = time.monotonic()
    held = _living_lease(deployment, bench)
    if held is None:
        lease.release()
        live = replace(_start(bench, workload, testbed), redeployed=True)
        _hold(spec, deployment, live.bench, warmed=False)
    else:
        live = LiveInstance(
            bench=bench.with_instance(held.instance),
            tuning=deployment.tuning,
            verified=deployment.verified,
        )
    started_s = time.monotonic()
    load = {} if held and held.warmed else workload.warm_up(live.bench)
    if not bench.technology.is_running(live.bench.under_test):
        raise InstanceDiedError(
            f"{bench.coordinates} died while it warmed up: "
            f"{bench.technology.diagnosis(live.bench.under_test)}"
        )
    _hold(spec, deployment, live.bench, warmed=True)
    overhead_s = {
        "redeploy": started_s - began_s if live.redeployed else 0.0,
        "warm-up": time.monotonic() - started_s,
    }
    return replace(live, load=load, overhead_s=overhead_s)


def live_instance(
    spec: MeasureSpec, deployment: Deployment | None, bench: Bench, testbed: Testbed
) -> LiveInstance:
    """Return what a cell is measured against; see `measure_cell`.

    Where limits inside the instance cannot be read, the cell's number of connections is tried.
    """
    if deployment is None:
        lease.release()  # at most one server under test lives at a time
        return LiveInstance(bench=bench, tuning={"testbed": dict(testbed.applied)})
    live = warm_instance(spec, deployment, bench, testbed)
    sweeps = registry.load("workloads", spec.workload.name).sweeps
    if not sweeps or not live.bench.technology.user_images:
        return live
    verified = open_connections.verify(live.bench, spec.connections)
    return replace(live, tuning={**live.tuning, OPEN_CONNECTIONS: verified})


def reached_rates(reach: Cell) -> Mapping[str, float]:
    """Return the median of a cell's valid windows by metric. Raise LoadError if one has none."""
    rates: dict[str, list[float]] = {}
    for window in reach.windows:
        values = rates.setdefault(window.metric, [])
        if window.verdict is not Verdict.INVALID:
            values.append(window.value)
    if unknown := [metric for metric, values in rates.items() if not values]:
        raise LoadError(
            f"the rate to offer is in percent of the baseline's, and {reach.coordinates} has no"
            f" valid window of {unknown[0]}",
            remedy=f"see the reasons in its windows; remove its file to measure it again: rm"
            f" results/cells/{reach.coordinates}.json",
        )
    return {metric: statistics.median(values) for metric, values in rates.items()}


def measure_cell(
    spec: MeasureSpec,
    testbed: Testbed,
    deployment: Deployment | None,
    reach: Cell | None,
    *,
    logs: Path,
) -> Cell:
    """Measure a cell.

    `deployment` is None for workloads that start their own instances. `reach` is the cell that
    shows the rate which this cell's is given in percent of.
    """
    began_utc, began_s = now_utc(), time.monotonic()
    workload = registry.load("workloads", spec.workload.name)
    bench = bench_for(spec, testbed, load_point=spec.load_point, logs=logs)
    live = live_instance(spec, deployment, bench, testbed)
    set_up_s = time.monotonic() - began_s - sum(live.overhead_s.values())
    reached = reached_rates(reach) if reach else {}
    load = OfferedLoad(load_point=spec.load_point, connections=spec.connections, reached=reached)
    windows = workload.measure(live.bench, load, spec.windows)
    duration_s = time.monotonic() - began_s
    return Cell(
        coordinates=bench.coordinates,
        spec=spec.model_dump(mode="json"),
        windows=tuple(windows),
        instance=live.bench.instance,
        redeployed=live.redeployed,
        image_digest=",".join(
            f"{service}={image.digest}" for service, image in sorted(bench.images.items())
        ),
        verified=live.verified,
        tuning=dict(live.tuning),
        sequence=testbed.sequence,
        started_utc=began_utc,
        finished_utc=now_utc(),
        duration_s=duration_s,
        overhead_s={"set-up": max(0.0, set_up_s), **live.overhead_s},
        client={"address": testbed.client.address, "cpus": list(testbed.client.cpus)},
        machine_fingerprint=fingerprint(),
    )
