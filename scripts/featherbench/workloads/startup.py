# SPDX-License-Identifier: Apache-2.0
"""startup: from just before the call that starts an instance to its first packet.

As in the paper, a minimal program sends one UDP packet, which this machine waits for. The time ends
with the kernel's timestamp of the packet, which carries this start's nonce. A user's image without
the program is timed to its first packet of any kind, and the window says so.
"""

import math
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Annotated

from pydantic import Field

from featherbench.contracts import workload
from featherbench.contracts.bench import Bench
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Probe
from featherbench.errors import DeadlineError, InstanceDiedError, InstanceError
from featherbench.measuring.first_packet import Clocks, Receiver, listening, watching
from featherbench.measuring.window import Observation
from featherbench.records.cell import Measure, Metric, StampedBy, Window
from featherbench.records.load_point import OfferedLoad
from featherbench.records.plan import PlannedPlatform
from featherbench.services.launcher import probe_command
from featherbench.system.polling import wait_until

LIVENESS_EVERY_S = 1.0
"""Rarely, because asking the platform takes CPU time from the start."""
NOMINAL_START_S = 2.0
STARTUP_TIME = Metric(
    name="startup_time",
    service="startup",
    aspect="startup",
    unit="s",
    better="lower",
    panel="startup time",
)
STARTUP_PHASE = Metric(
    name="startup_phase_*", service="startup", aspect="startup_phase", unit="s", better="lower"
)


class Settings(DriverSettings):
    """The keys of `startup`."""

    timeout_s: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        60.0, description="How long to wait for the first packet, in seconds."
    )
    settle_s: Annotated[float, Field(ge=0, le=60)] = Field(
        0.5,
        description="Pause before each start, in seconds; right after the end of another "
        "instance, a start is faster than it is otherwise.",
    )


class Workload(workload.Workload[Settings]):
    """Time to start."""

    services = ("startup",)
    uses_lease = False

    def metrics(self, settings: Settings) -> tuple[Metric, ...]:
        """Return the startup time, and its phases, which the technology names."""
        return (STARTUP_TIME, STARTUP_PHASE)

    def measure(self, bench: Bench[Settings], load: OfferedLoad, windows: int) -> Sequence[Window]:
        """Start and stop `windows` instances, one after the other."""
        return [_window(bench, index) for index in range(1, windows + 1)]

    def nominal_duration_s(
        self, settings: Settings, windows: int, platform: PlannedPlatform
    ) -> float:
        """Return a container's time."""
        return platform.slowdown * windows * (NOMINAL_START_S + settings.settle_s)


def _settle(settle_s: float) -> None:
    """Wait, so that no start is faster because another instance has just ended.

    Moving a process into a control group waits for all processors to notice, some 20 ms, unless
    another process has just done so: see `favordynmods` in Linux's cgroup-v2.rst.
    """
    due_s = time.monotonic() + settle_s
    wait_until(
        lambda: time.monotonic() >= due_s, what="the pause before a start", within_s=2 * settle_s
    )


def _first_packet(bench: Bench[Settings], receiver: Receiver) -> int:
    """Return the timestamp of the packet. Raise InstanceDiedError or InstanceError without one."""
    timeout_s = bench.settings.timeout_s
    for _ in range(math.ceil(timeout_s / LIVENESS_EVERY_S)):
        with suppress(DeadlineError):
            return wait_until(receiver.stamp_ns, what="first packet", within_s=LIVENESS_EVERY_S)
        try:
            bench.require_running()
        except InstanceDiedError:
            if stamp_ns := receiver.stamp_ns():  # it may end after sending it
                return stamp_ns
            raise
    raise InstanceError(
        f"no packet of {bench.coordinates.platform} arrived within {timeout_s:g} s: "
        f"{bench.technology.diagnosis(bench.under_test)}",
        remedy="check whether a firewall drops UDP to the testbed, or raise startup's timeout_s",
    )


def _window(bench: Bench[Settings], index: int) -> Window:
    """Start an instance, wait for its packet, and stop it."""
    nonce, callback_address = uuid.uuid4().hex, bench.placement.callback_address
    has_probe = bench.technology.has_probe(bench.images["startup"])
    stamped_by = StampedBy.PROBE if has_probe else StampedBy.FIRST_FRAME
    with ExitStack() as stack:
        listener = stack.enter_context(listening(callback_address, nonce))
        probe = Probe(address=callback_address, port=listener.port, nonce=nonce)
        request = bench.request("startup", probe_command(probe), None, probe=probe)
        bench.technology.prepare(request)
        receiver = listener
        if stamped_by is StampedBy.FIRST_FRAME:
            frame = bench.technology.first_frame(request)
            receiver = stack.enter_context(watching(frame.interface, frame.mac))
        observation = Observation(bench)
        _settle(bench.settings.settle_s)
        observation.begin_after_pause()
        began = Clocks.read()
        instance = bench.technology.start(request)
        try:
            running = bench.with_instance(instance)
            stamp_ns = _first_packet(running, receiver)
            observation.end(running)
            phases_s = bench.technology.start_phases_s(instance)
        finally:
            bench.technology.stop(instance)
    took_s = (stamp_ns - began.realtime_ns) / 1e9
    return observation.window(
        STARTUP_TIME,
        took_s,
        index=index,
        duration_s=max(0.0, took_s),
        secondary=_phases(phases_s),
        notes={
            "foreign_packets": listener.foreign_packets,
            "instance": instance.id,
            "stamped_by": stamped_by,
        },
    )


def _phases(phases_s: Mapping[str, float]) -> Iterator[Measure]:
    for phase, took_s in phases_s.items():
        metric = STARTUP_PHASE.named(f"startup_phase_{phase}")
        assert metric is not None
        yield metric.measure(took_s)
