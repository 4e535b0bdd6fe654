# SPDX-License-Identifier: Apache-2.0
"""memory: how much memory the http and the kv server need.

Without a fixed amount, that is what an instance holds at rest and under load, as the platform
counts it. With a fixed amount, as virtual machines have, it is, as in the paper, the minimum amount
with which it is as fast as with the reference memory. Either way each server is started from
nothing, because memory is seldom given back. A guest that serves nothing must boot and answer every
ping.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.load_generator import Load
from featherbench.contracts.settings import DriverSettings
from featherbench.measuring.load_windows import load_for, minimum_s, sized
from featherbench.measuring.memory import (
    LoadedMemory,
    PeakMemory,
    held_bytes,
    memory_metrics,
    settled,
    typical_bytes,
    under_load,
)
from featherbench.measuring.min_memory import Trial, minimum_memory_window
from featherbench.measuring.min_memory_search import Rules
from featherbench.measuring.window import Observation
from featherbench.records.cell import Measure, Metric, Usage, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.records.plan import PlannedPlatform
from featherbench.services import http, kv, launcher, ping
from featherbench.services.readiness import wait_until_ready
from featherbench.units import MIB
from featherbench.user_input import MOST_MIB

KV_PIPELINE = 16
KV_VALUE_BYTES = 3
START_AND_REST_S = 3.0
SIGNIFICANCE = 0.05
SEARCH_FACTOR = 10.0
"""About how many times as long as one start a search takes, with some twenty starts."""


class Settings(DriverSettings):
    """The keys of `memory`."""

    connections: Annotated[int, Field(ge=1, le=4_000)] = Field(
        100, description="Connections that load the server."
    )
    load_s: Annotated[float, Field(ge=0.01, le=3600)] = Field(
        2.0, description="How long the server is loaded, in seconds."
    )
    reference_mib: Annotated[int, Field(ge=64, le=MOST_MIB)] = Field(
        512, description="Virtual machines: an amount of memory that is certainly enough, in MiB."
    )
    step_mib: Annotated[int, Field(ge=1, le=1_024)] = Field(
        8,
        description="Virtual machines: the amounts that are tried are multiples of this, in MiB; "
        "where 16 suffice, every MiB below.",
    )
    starts: Annotated[int, Field(ge=2, le=100)] = Field(
        3,
        description="Virtual machines: how often one is started with an amount before that is "
        "judged; twice as often where it cannot be yet.",
    )
    margin: Annotated[float, Field(ge=0.001, lt=1)] = Field(
        0.1,
        description="Virtual machines: the loss of throughput, as a fraction, that counts as none.",
    )


class Workload(workload.Workload[Settings]):
    """Memory of a server."""

    services = ("http", "kv")
    uses_lease = False
    without_server = "pings"
    loads = ("http", "kv")

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the amounts of each service, and its throughput with two of them."""
        return tuple(
            metric
            for service in (*self.services, "startup")
            for metric in memory_metrics(service).values()
        )

    def verify(self, bench: Bench[Settings]) -> str:
        """Check the server that was just started."""
        return VERIFY[bench.under_test.service](bench)

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Start each server `windows` times."""
        return [
            self._window(bench, service, index)
            for index in range(1, windows + 1)
            for service in bench.images
        ]

    def _window(self, bench: Bench[Settings], service: str, index: int) -> Window:
        if bench.technology.fixed_memory:
            configured = bench.settings.model_dump(include=set(Rules.model_fields))
            rules = Rules(**configured, significance=SIGNIFICANCE)
            trial = Trial(
                bench=bench,
                service=service,
                load=lambda running: _load(running, service),
                load_s=bench.settings.load_s,
                verify=VERIFY[service],
            )
            return minimum_memory_window(trial, rules, index=index)
        request = launcher.request_to_stay(bench, service)
        bench.technology.prepare(request)
        running = bench.with_instance(bench.technology.start(request))
        try:
            wait_until_ready(running)
            verified = self.verify(running)
            return _held_window(running, service, index, verified)
        finally:
            bench.technology.stop(running.under_test)

    def nominal_duration_s(
        self, settings: Settings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return the load's length plus an overhead, for all services; a search has many starts."""
        service_s = platform.slowdown * (settings.load_s + START_AND_REST_S)
        searching = SEARCH_FACTOR if platform.fixed_memory else 1.0
        return windows * len(self.services) * service_s * searching


VERIFY = {"http": http.verify, "kv": kv.verify, "startup": ping.verify}


def _load(bench: Bench[Settings], service: str) -> Load:
    connections = bench.settings.connections
    if service == "http":
        return load_for(bench, connections, path=http.PATH)
    return load_for(bench, connections, "SET", pipeline=KV_PIPELINE, value_bytes=KV_VALUE_BYTES)


def _held_window(bench: Bench[Settings], service: str, index: int, verified: str) -> Window:
    """Read what a running server holds at rest and under load."""
    load_s = bench.settings.load_s
    idle = settled(bench)
    load = sized(bench, service, _load(bench, service), window_s=load_s)
    metrics = memory_metrics(service)
    peak = PeakMemory(metrics["peak"])
    with Observation(bench, peak, verify=VERIFY[service]) as observation:
        loaded = under_load(bench, service, load, expected_s=load.duration_s or load_s)
    result = loaded.result
    facts = replace(
        observation.facts,
        failures=result.failures,
        answered=result.requests,
        duration_s=result.duration_s,
        minimum_s=minimum_s(bench, service, load, window_s=load_s),
        requested_s=load.duration_s,
        predicted_s=load_s if load.requests else None,
        elapsed_s=loaded.elapsed_s,
    )
    load_bytes = typical_bytes(map(held_bytes, loaded.readings))
    assert load_bytes is not None
    return observation.window(
        metrics["load"],
        load_bytes / MIB,
        index=index,
        duration_s=result.duration_s,
        facts=facts,
        secondary=_secondary(service, idle, loaded),
        command=loaded.command,
        notes={
            "source": idle.source,
            "readings": len(loaded.readings),
            "peak_since": "the load began" if peak.was_reset else "the start",
            "verified": verified,
        },
    )


def _secondary(service: str, idle: Usage, loaded: LoadedMemory) -> Iterator[Measure]:
    metrics, readings = memory_metrics(service), loaded.readings
    amounts_bytes = {
        "idle": held_bytes(idle),
        "load_anonymous": typical_bytes(usage.memory_anonymous_bytes for usage in readings),
        "idle_anonymous": idle.memory_anonymous_bytes,
        "load_file": typical_bytes(usage.memory_file_bytes for usage in readings),
        "idle_file": idle.memory_file_bytes,
        "guest_used": typical_bytes(usage.guest_used_bytes for usage in readings),
        "hypervisor": typical_bytes(usage.hypervisor_bytes for usage in readings),
    }
    for name, amount_bytes in amounts_bytes.items():
        if amount_bytes is not None:
            yield metrics[name].measure(amount_bytes / MIB)
