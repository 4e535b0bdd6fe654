# SPDX-License-Identifier: Apache-2.0
"""Brings a server under test to life, and finds it again for the next cell.

The instance is a lease, not a file: a deploy record on disk says what to run; whoever measures
asks for the live instance that matches the record, and where there is none (a broken run, another
deployment since), it is started and warmed up again.
"""

from __future__ import annotations

import ipaddress
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench import registry
from featherbench.contracts.bench import Bench
from featherbench.errors import ImageError, InstanceDiedError, TestbedError
from featherbench.records.cell import Deployment
from featherbench.records.image import Image
from featherbench.services import launcher
from featherbench.services.readiness import wait_until_ready
from featherbench.system.sysctls import HIDDEN
from featherbench.testbed import lease
from featherbench.testbed.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.contracts.technology import Placement, Technology
    from featherbench.contracts.workload import Workload
    from featherbench.records.job_specs import DeploySpec
    from featherbench.testbed.session import Testbed

IMAGES = Path("results/images")
SHARE_BITS = 3
"""Eighths: see `Technology.subnet_share`."""


def image_of(owner: str, service: str) -> Image:
    """Read an image's record. Raises ImageError when there is none."""
    path = IMAGES / owner / f"{service}.json"
    try:
        return Image.read(path)
    except FileNotFoundError as missing:
        raise ImageError(
            f"the record {path} of the image is gone",
            remedy=f"rm -f {path.with_suffix('.digest')}, and run again: it is built anew",
        ) from missing


def placement_for(technology: Technology, placement: Placement) -> Placement:
    """Give the technology its share of the addresses for containers."""
    if technology.subnet_share is None:
        return placement
    shares = ipaddress.IPv4Network(placement.container_subnet).subnets(prefixlen_diff=SHARE_BITS)
    return replace(placement, container_subnet=str(list(shares)[technology.subnet_share]))


def bench_for(spec: DeploySpec, testbed: Testbed, *, concurrency: int, logs: Path) -> Bench:
    """Put together what a workload works with."""
    names = (spec.platform.technology, spec.platform.hypervisor)
    technology = registry.platform(*names, hypervisor_settings=spec.platform.hypervisor_settings)
    assert technology is not None, f"{spec.platform.name} was planned, but cannot run"
    workload = registry.load("workloads", spec.workload.name)
    owner = registry.image_owner(*names)
    return Bench(
        coordinates=spec.coordinates(concurrency),
        technology=technology,
        technology_settings=technology.Settings.model_validate(spec.platform.settings),
        settings=workload.Settings.model_validate(spec.workload.settings),
        load_generators={
            service: registry.load("loadgens", name)
            for service, name in spec.workload.load_generators.items()
        },
        images={service: image_of(owner, service) for service in spec.services},
        client=testbed.client,
        placement=placement_for(technology, testbed.placement),
        tuning=testbed.tuning,
        logs=logs,
    )


@dataclass(frozen=True, kw_only=True)
class Started:
    """An instance that serves what it should, and what was found on the way."""

    bench: Bench
    ready_after_s: float
    verified: str
    tuning: Mapping[str, str]

    def all_tuning(self, testbed: Testbed) -> dict[str, Any]:
        """Tell what was set on the testbed's two sides, and found inside the instance."""
        return {"testbed": dict(testbed.applied), "instance": dict(self.tuning)}


@contextmanager
def _stopped_on_failure(bench: Bench) -> Iterator[None]:
    try:
        yield
    except BaseException:
        bench.technology.stop(bench.under_test)
        raise


def _start(bench: Bench, workload: Workload) -> Started:
    (service,) = bench.images
    request = launcher.request_to_stay(bench, service)
    bench.technology.prepare(request)
    began_s = time.monotonic()
    running = bench.with_instance(bench.technology.start(request))
    with _stopped_on_failure(running):
        wait_until_ready(running)
        ready_after_s = time.monotonic() - began_s
        return Started(
            bench=running,
            ready_after_s=ready_after_s,
            verified=workload.verify(running),
            tuning=_tuning_in_force(running),
        )


def _tuning_in_force(bench: Bench) -> Mapping[str, str]:
    found = bench.technology.tuning_in_force(bench.under_test, bench.tuning)
    nofile = {} if bench.tuning.nofile is None else {"nofile": str(bench.tuning.nofile)}
    for key, wanted in {**bench.tuning.net_sysctls, **nofile}.items():
        if found.get(key) != HIDDEN and found.get(key, "").split() != wanted.split():
            raise TestbedError(
                f"{key} is {found.get(key)!r} inside {bench.coordinates.platform}, not {wanted!r}",
                remedy="take it out of `tuning`, or choose a value that can be set",
            )
    return {**found, **bench.apply_runtime_settings()}


def deploy(spec: DeploySpec, bench: Bench, testbed: Testbed) -> Deployment:
    """Start the deployment's instance, from nothing, and keep it for the jobs that follow."""
    lease.release()
    workload = registry.load("workloads", spec.workload.name)
    started = _start(bench, workload)
    instance = started.bench.under_test
    deployment = Deployment(
        coordinates=bench.coordinates.model_dump(exclude={"concurrency"}),
        deployment_id=uuid.uuid4().hex,
        instance=instance,
        image_digest=bench.images[instance.service].digest,
        ready_after_s=started.ready_after_s,
        verified=started.verified,
        tuning=started.all_tuning(testbed),
        sequence=testbed.sequence,
    )
    _hold(spec, deployment, started.bench, warmed=False)
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


@dataclass(frozen=True, kw_only=True)
class Leased:
    """The bench with a live and warm instance, and what it took to get it."""

    bench: Bench
    redeployed: bool
    verified: str
    tuning: dict[str, Any]
    redeploy_s: float
    warm_up_s: float
    load: Mapping[str, object]


def _alive(deployment: Deployment, bench: Bench) -> Lease | None:
    held = lease.current()
    if held is None or held.deployment_id != deployment.deployment_id:
        return None
    return held if bench.technology.is_running(held.instance) else None


def warm_instance(
    spec: DeploySpec, deployment: Deployment, bench: Bench, testbed: Testbed
) -> Leased:
    """Give the deployment's live instance, warmed up; start and warm up another where it is gone.

    Raises InstanceDiedError when the instance does not survive its warm-up.
    """
    workload = registry.load("workloads", spec.workload.name)
    began_s = time.monotonic()
    held = _alive(deployment, bench)
    verified, tuning = deployment.verified, deployment.tuning
    if held is None:
        lease.release()
        started = _start(bench, workload)
        bench, verified, tuning = started.bench, started.verified, started.all_tuning(testbed)
        _hold(spec, deployment, bench, warmed=False)
    else:
        bench = bench.with_instance(held.instance)
    started_s = time.monotonic()
    load = {} if held and held.warmed else workload.warm_up(bench)
    if not bench.technology.is_running(bench.under_test):
        raise InstanceDiedError(
            f"{bench.coordinates} died while it warmed up: "
            f"{bench.technology.diagnosis(bench.under_test)}"
        )
    _hold(spec, deployment, bench, warmed=True)
    return Leased(
        bench=bench,
        redeployed=held is None,
        verified=verified,
        tuning=tuning,
        redeploy_s=started_s - began_s if held is None else 0.0,
        warm_up_s=time.monotonic() - started_s,
        load=load,
    )
