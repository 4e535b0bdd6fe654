# SPDX-License-Identifier: Apache-2.0
"""startup: from just before the call that starts an instance to its first packet.

As in the paper, a minimal program sends one UDP packet, which the virtualization host awaits. The
time ends with the kernel's own stamp of the packet, and the packet carries this start's nonce. An
image of the user's that can send none is timed to its first packet of any kind, which is said.
"""

from __future__ import annotations

import math
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Probe
from featherbench.errors import DeadlineError, InstanceDiedError, InstanceError
from featherbench.measuring.first_packet import (
    FIRST_FRAME,
    NONCE,
    Clocks,
    Listener,
    Watcher,
    listening,
    watching,
)
from featherbench.measuring.machine_counters import Observed, between, circumstances, snapshot
from featherbench.measuring.window_verdict import judge
from featherbench.records.cell import Measure, Window
from featherbench.records.metric import Metric
from featherbench.services.launcher import probe_command
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.bench import Bench
    from featherbench.contracts.technology import StartRequest
    from featherbench.contracts.workload import WithoutServer
    from featherbench.records.instance import Instance

LIVENESS_EVERY_S = 1.0
"""Seldom, since asking the platform takes CPU time from what starts."""
NOMINAL_START_S = 2.0
STARTUP_TIME = Metric(
    name="startup_time",
    service="startup",
    aspect="startup",
    unit="s",
    better="lower",
    label="startup time",
    panel="startup time",
)
STARTUP_PHASE = Metric(
    name="startup_phase_*",
    service="startup",
    aspect="startup_phase",
    unit="s",
    better="lower",
    label="startup phase",
)


class Settings(DriverSettings):
    """The keys of `startup`."""

    timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        60.0, description="How long to wait for the first packet, in seconds."
    )
    settle_s: Annotated[float, Field(ge=0, le=60)] = Field(
        0.5,
        description="How long before a start the host is left alone, in seconds; right after the"
        " end of another instance, a start is faster than it is by itself.",
    )


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start: the time it took, and how far the clocks moved apart meanwhile."""

    instance: Instance
    phases_s: Mapping[str, float]
    took_s: float
    clock_step_s: float
    foreign_packets: int
    observed: Observed


class Workload:
    """See `contracts/workload.py`."""

    Settings: ClassVar[type[DriverSettings]] = Settings
    services: ClassVar[tuple[str, ...]] = ("startup",)
    uses_lease: ClassVar[bool] = False
    without_server: ClassVar[WithoutServer] = "no"
    sweeps: ClassVar[bool] = False
    in_image: ClassVar[tuple[str, ...]] = ()
    loads: ClassVar[tuple[str, ...]] = ()

    def metrics(self, settings: DriverSettings) -> tuple[Metric, ...]:
        """Return the startup time, and its phases, which the technology names."""
        return (STARTUP_TIME, STARTUP_PHASE)

    def files(self, settings: DriverSettings) -> Mapping[str, bytes]:
        """Give nothing: the probe is part of the root file system."""
        return {}

    def verify(self, bench: Bench) -> str:
        """Say how each start is verified."""
        return _verified_by(bench)

    def warm_up(self, bench: Bench) -> Mapping[str, object]:
        """Do nothing: a start is from nothing."""
        return {}

    def measure(self, bench: Bench, concurrency: int, windows: int) -> Sequence[Window]:
        """Start and stop `windows` instances, one after the other."""
        return [_window(bench, index, _start(bench)) for index in range(1, windows + 1)]

    def nominal_duration_s(self, settings: DriverSettings, windows: int) -> float:
        """Give a container's time; a whole system takes longer."""
        return windows * (NOMINAL_START_S + cast("Settings", settings).settle_s)


def _verified_by(bench: Bench) -> str:
    return NONCE if bench.technology.has_probe(bench.images["startup"]) else FIRST_FRAME


@contextmanager
def _awaiting(
    bench: Bench, request: StartRequest, listener: Listener
) -> Iterator[Listener | Watcher]:
    """Give what receives the packet: of a prepared instance, that is yet to be started."""
    if _verified_by(bench) == NONCE:
        yield listener
        return
    frame = bench.technology.first_frame(request)
    with watching(frame.interface, frame.mac) as watcher:
        yield watcher


def _start(bench: Bench) -> Start:
    nonce, callback_address = uuid.uuid4().hex, bench.placement.callback_address
    with ExitStack() as stack:
        udp = stack.enter_context(listening(callback_address))
        probe = Probe(address=callback_address, port=udp.port, nonce=nonce)
        request = bench.request("startup", probe_command(probe), None, probe=probe)
        bench.technology.prepare(request)
        listener = stack.enter_context(_awaiting(bench, request, udp))
        _settle(_settings(bench).settle_s)
        before, began = snapshot(bench), Clocks.read()
        instance = bench.technology.start(request)
        try:
            running = bench.with_instance(instance)
            stamp_ns = _first_packet(running, listener, nonce)
            ended, after = Clocks.read(), snapshot(running)
            phases_s = bench.technology.start_phases_s(instance)
        finally:
            bench.technology.stop(instance)
    return Start(
        instance=instance,
        phases_s=phases_s,
        took_s=(stamp_ns - began.realtime_ns) / 1e9,
        clock_step_s=(ended.offset_ns - began.offset_ns) / 1e9,
        foreign_packets=listener.foreign_packets,
        observed=between(before, after, bench),
    )


def _settings(bench: Bench) -> Settings:
    return cast("Settings", bench.settings)


def _settle(settle_s: float) -> None:
    """Have each start begin as one that comes by itself.

    Who puts a process into a control group waits for all processors to notice, some 20 ms, unless
    somebody else has just done so: see `favordynmods` in Linux's cgroup-v2.rst.
    """
    due_s = time.monotonic() + settle_s
    wait_until(
        lambda: time.monotonic() >= due_s,
        what="the host's settling",
        within_s=2 * settle_s,
    )


def _first_packet(bench: Bench, listener: Listener | Watcher, nonce: str) -> int:
    timeout_s = _settings(bench).timeout_s
    for _ in range(math.ceil(timeout_s / LIVENESS_EVERY_S)):
        with suppress(DeadlineError):
            return wait_until(
                partial(listener.stamp_ns, nonce), what="first packet", within_s=LIVENESS_EVERY_S
            )
        try:
            bench.require_running()
        except InstanceDiedError:
            if stamp_ns := listener.stamp_ns(nonce):  # it may end once it has sent it
                return stamp_ns
            raise
    raise InstanceError(
        f"no packet of {bench.coordinates.platform} came within {timeout_s:g} s: "
        f"{bench.technology.diagnosis(bench.under_test)}",
        remedy="see whether a firewall drops UDP to the testbed, or raise startup's timeout_s",
    )


def _window(bench: Bench, index: int, start: Start) -> Window:
    facts = circumstances(start.observed, bench)
    verdict, reasons = judge(replace(facts, clock_step_s=start.clock_step_s))
    return Window(
        index=index,
        metric="startup_time",
        value=start.took_s,
        unit="s",
        secondary=tuple(
            Measure(metric=f"startup_phase_{phase}", value=took_s, unit="s")
            for phase, took_s in start.phases_s.items()
        ),
        started_utc=start.observed.started_utc,
        started_monotonic_s=start.observed.started_monotonic_s,
        duration_s=max(0.0, start.took_s),
        server_cpu_s=start.observed.server_cpu_s,
        server_cpus=len(bench.placement.cpus),
        notes={
            "foreign_packets": start.foreign_packets,
            "instance": start.instance.id,
            "verified": _verified_by(bench),
        },
        verdict=verdict,
        reasons=reasons,
    )
