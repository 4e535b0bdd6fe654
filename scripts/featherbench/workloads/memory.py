# SPDX-License-Identifier: Apache-2.0
"""memory: how much the http and the kv server need.

Where an instance takes what it needs, that is what it holds at rest and under load, as the platform
counts it. Where it is given an amount once and for all, as a virtual machine is, it is, as in the
paper, the least amount with which it is as fast as with ample memory. Either way the servers are
started for it from nothing, since memory once taken is seldom given back. A guest that serves
nothing is to boot, and to answer every ping.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.load_runner import http_load, kv_load, least_s, sized
from featherbench.measuring.machine_counters import Observed, between, circumstances, snapshot
from featherbench.measuring.memory import Loaded, held_bytes, settled, typical_bytes, under_load
from featherbench.measuring.min_memory.search import Rules
from featherbench.measuring.min_memory.trial import Trial
from featherbench.measuring.min_memory.window import least_memory_window
from featherbench.measuring.window_verdict import judge
from featherbench.records.cell import Measure, Window
from featherbench.records.metric import Metric
from featherbench.services import http, kv, launcher, ping
from featherbench.services.readiness import wait_until_ready
from featherbench.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.load_generator import Load
    from featherbench.contracts.workload import WithoutServer
    from featherbench.measuring.window_verdict import Facts
    from featherbench.records.cell import Usage

KV_PIPELINE = 16
KV_VALUE_BYTES = 3
START_AND_REST_S = 3.0
SIGNIFICANCE = 0.05
LABELS = {
    "load": "memory of {service} under load",
    "minimum": "minimum memory that suffices for {service}",
    "idle": "memory of {service} at rest",
    "peak": "memory {service} peak",
    "load_anonymous": "memory {service} load anonymous",
    "idle_anonymous": "memory {service} idle anonymous",
    "load_file": "memory {service} load file",
    "idle_file": "memory {service} idle file",
    "guest_used": "memory used in the guest, with the minimum for {service}",
    "hypervisor": "memory of the hypervisor, with the minimum for {service}",
}
THROUGHPUT_LABELS = {
    "minimum": "throughput of {service} with the minimum memory",
    "reference": "throughput of {service} with reference memory",
}
PANELS = {"load": "memory, {service} under load", "minimum": "memory, minimum for {service}"}
SERVICE_PANELS = {"http": "http", "kv": "key-value", "startup": "startup"}
"""By service; `startup` stands in for the others where a platform has neither."""


class Settings(DriverSettings):
    """The keys of `memory`."""

    connections: Annotated[int, Field(ge=1, le=10_000)] = Field(
        100, description="Connections that load the server."
    )
    load_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        2.0, description="How long the server is loaded, in seconds."
    )
    reference_mib: Annotated[int, Field(ge=64)] = Field(
        512, description="Virtual machines: an amount of memory that is certainly enough, in MiB."
    )
    step_mib: Annotated[int, Field(ge=1)] = Field(
        8,
        description="Virtual machines: the amounts that are tried are multiples of this, in MiB; "
        "where 16 suffice, every MiB below.",
    )
    starts: Annotated[int, Field(ge=2)] = Field(
        3,
        description="Virtual machines: how often one is started with an amount before that is "
        "judged; twice as often where it cannot be yet.",
    )
    margin: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1,
        description="Virtual machines: the loss of throughput, as a fraction, that counts as none.",
    )


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("http", "kv")
    uses_lease: ClassVar[bool] = False
    without_server: ClassVar[WithoutServer] = "pings"
    sweeps: ClassVar[bool] = False
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ("http", "kv")

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the amounts of memory of each service, and its throughput with two of them."""
        return tuple(metric for service in SERVICE_PANELS for metric in _metrics(service))

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give nothing: it has no app of its own."""
        return {}

    def verify(self, bench: Bench) -> str:
        """Check the server that was just started."""
        return _VERIFY[bench.under_test.service](bench)

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Do nothing: what a fresh server holds is measured."""
        return {}

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Start each server `windows` times."""
        return [
            self._window(bench, service, index)
            for index in range(1, windows + 1)
            for service in bench.images
        ]

    def _window(self, bench: Bench, service: str, index: int) -> Window:
        if bench.technology.fixed_memory:
            return least_memory_window(bench, service, index, _trial(bench, service), _rules(bench))
        request = launcher.request_to_stay(bench, service)
        bench.technology.prepare(request)
        running = bench.with_instance(bench.technology.start(request))
        try:
            wait_until_ready(running)
            verified = self.verify(running)
            return _measured(running, service, index, verified)
        finally:
            bench.technology.stop(running.under_test)

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give the load's length and what surrounds it, for all apps; a search takes longer."""
        one_s = cast("Settings", settings).load_s + START_AND_REST_S
        return windows * len(self.services) * one_s


def _metrics(service: str) -> Iterator[Metric]:
    for statistic, label in LABELS.items():
        panel = PANELS.get(statistic, "")
        yield Metric(
            name=f"memory_{service}_{statistic}",
            service=service,
            aspect="memory",
            unit="MiB",
            better="lower",
            label=label.format(service=service),
            panel=panel.format(service=SERVICE_PANELS[service]),
            statistic=statistic,
        )
    for statistic, label in THROUGHPUT_LABELS.items():
        yield Metric(
            name=f"memory_{service}_{statistic}_throughput",
            service=service,
            aspect="memory_throughput",
            unit="requests/s",
            better="higher",
            label=label.format(service=service),
            statistic=statistic,
        )


_VERIFY = {"http": http.verify, "kv": kv.verify, "startup": ping.verify}


def _load(bench: Bench, service: str) -> Load:
    connections = cast("Settings", bench.settings).connections
    if service == "http":
        return http_load(bench, connections, http.PATH)
    return kv_load(bench, connections, "SET", pipeline=KV_PIPELINE, value_bytes=KV_VALUE_BYTES)


def _trial(bench: Bench, service: str) -> Trial:
    return Trial(
        bench=bench,
        service=service,
        load=lambda running: _load(running, service),
        load_s=cast("Settings", bench.settings).load_s,
        verify=_VERIFY[service],
    )


def _rules(bench: Bench) -> Rules:
    settings = cast("Settings", bench.settings)
    return Rules(
        reference_mib=settings.reference_mib,
        step_mib=settings.step_mib,
        starts=settings.starts,
        margin=settings.margin,
        significance=SIGNIFICANCE,
    )


def _measured(bench: Bench, service: str, index: int, verified: str) -> Window:
    load_s = cast("Settings", bench.settings).load_s
    idle = settled(bench)
    load = sized(bench, service, _load(bench, service), window_s=load_s)
    peak_was_reset = bench.technology.reset_peak(bench.under_test)
    before = snapshot(bench)
    loaded = under_load(bench, service, load, expected_s=load.duration_s or load_s)
    after = snapshot(bench)
    peak_bytes = after.usage.memory_peak_bytes if after.usage else None
    notes = {
        "source": idle.source,
        "readings": len(loaded.readings),
        "peak_since": "the load began" if peak_was_reset else "the start",
        "verified": verified,
    }
    observed = between(before, after, bench)
    facts = replace(
        circumstances(observed, bench),
        failures=loaded.result.failures,
        answered=loaded.result.requests,
        duration_s=loaded.result.duration_s,
        least_s=least_s(bench, service, load, window_s=load_s),
        requested_s=load.duration_s,
    )
    return _window(
        service,
        index,
        idle=idle,
        loaded=loaded,
        peak_bytes=peak_bytes,
        observed=observed,
        facts=facts,
        notes=notes,
    )


def _window(
    service: str,
    index: int,
    *,
    idle: Usage,
    loaded: Loaded,
    peak_bytes: int | None,
    observed: Observed,
    facts: Facts,
    notes: dict[str, object],
) -> Window:
    under_load_bytes = typical_bytes(map(held_bytes, loaded.readings))
    assert under_load_bytes is not None
    verdict, reasons = judge(facts)
    return Window(
        index=index,
        metric=f"memory_{service}_load",
        value=under_load_bytes / MIB,
        unit="MiB",
        secondary=tuple(_secondary(service, idle, loaded, peak_bytes)),
        started_utc=observed.started_utc,
        started_monotonic_s=observed.started_monotonic_s,
        duration_s=loaded.result.duration_s,
        requests=loaded.result.requests,
        failures=dict(loaded.result.failures),
        server_cpu_s=observed.server_cpu_s,
        command=loaded.command,
        notes=notes,
        verdict=verdict,
        reasons=reasons,
    )


def _secondary(
    service: str, idle: Usage, loaded: Loaded, peak_bytes: int | None
) -> Iterator[Measure]:
    figures = {
        "idle": held_bytes(idle),
        "peak": peak_bytes,
        "load_anonymous": typical_bytes(u.memory_anonymous_bytes for u in loaded.readings),
        "idle_anonymous": idle.memory_anonymous_bytes,
        "load_file": typical_bytes(u.memory_file_bytes for u in loaded.readings),
        "idle_file": idle.memory_file_bytes,
        "guest_used": typical_bytes(u.guest_used_bytes for u in loaded.readings),
        "hypervisor": typical_bytes(u.hypervisor_bytes for u in loaded.readings),
    }
    for name, amount_bytes in figures.items():
        if amount_bytes is not None:
            yield Measure(metric=f"memory_{service}_{name}", value=amount_bytes / MIB, unit="MiB")
