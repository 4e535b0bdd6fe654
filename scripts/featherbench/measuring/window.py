# SPDX-License-Identifier: Apache-2.0
"""Windows: what collectors observe while one is measured, and its record with the verdict.

A workload measures inside an Observation, and has it build the window:

    with Observation(bench) as observation:
        connect_s = …
    return observation.window(CONNECT_TIME, connect_s, index=1, duration_s=connect_s)
"""

from __future__ import annotations

import ipaddress
import os
import resource
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from featherbench.clock import now_utc
from featherbench.contracts.bench import Bench, Client
from featherbench.contracts.technology import Placement
from featherbench.errors import VerificationError
from featherbench.measuring.disturbances import Disturbances
from featherbench.measuring.first_packet import Clocks
from featherbench.measuring.window_verdict import WindowFacts, window_verdict
from featherbench.records.cell import Measure, Metric, Usage, Verdict, Window
from featherbench.system import energy
from featherbench.system.machine import LOCAL, Counters, Machine
from featherbench.system.procfs import CpuTicks


class Collector(ABC):
    """Collects what differs between the end and the beginning of a window. One per window."""

    metrics: tuple[Metric, ...] = ()
    """Those of its measures, if it runs around all windows."""

    @abstractmethod
    def begin(self, bench: Bench) -> None:
        """Read what the end of the window is compared with."""

    @abstractmethod
    def end(self, bench: Bench) -> Sequence[Measure]:
        """Return the measures of the window; the instance may have been started during it."""


MINIMUM_PAUSE_TICKS = 20
COLLECTORS: tuple[type[Collector], ...] = ()
"""Collectors that run around every window in addition to those of an Observation: what their `end`
returns becomes secondary measures of the window."""


class MachineCounters(Collector):
    """CPU time and swapping of the client's and the server's machines.

    Fractions are of the time from begin to end. `steal_fraction` is the largest of any CPU,
    `server_busiest_fraction` that of the server's busiest CPU.
    """

    client_busy_fraction: float | None
    server_busy_fraction: float | None
    server_busiest_fraction: float | None
    server_busy_s: float | None
    client_ticks: Sequence[CpuTicks]
    server_ticks: Sequence[CpuTicks]
    steal_fraction: float
    swapped_pages: int
    memory_stalled_s: float

    def begin(self, bench: Bench) -> None:
        """Read the counters."""
        self._before = _read(bench)

    def end(self, bench: Bench) -> Sequence[Measure]:
        """Read the counters again, and set the differences."""
        spent = {
            machine: counters - self._before[machine] for machine, counters in _read(bench).items()
        }
        client, server = _ticks(spent, bench.client), _ticks(spent, bench.placement)
        self.client_ticks, self.server_ticks = client, server
        self.client_busy_fraction = _busy_fraction(client)
        self.server_busy_fraction = _busy_fraction(server)
        self.server_busiest_fraction = max(
            filter(None, (_busy_fraction([cpu]) for cpu in server)), default=None
        )
        busy_s = sum(cpu.busy for cpu in server) / os.sysconf("SC_CLK_TCK")
        self.server_busy_s = None if self.server_busy_fraction is None else busy_s
        self.steal_fraction = max((cpu.steal_fraction for cpu in [*client, *server]), default=0.0)
        self.swapped_pages = sum(counters.swapped_pages for counters in spent.values())
        self.memory_stalled_s = max(counters.memory_stalled_s for counters in spent.values())
        return ()


def _read(bench: Bench) -> dict[Machine, Counters]:
    machines = {bench.client.machine, bench.placement.machine}
    return {machine: machine.counters() for machine in machines}


def _ticks(spent: Mapping[Machine, Counters], side: Client | Placement) -> list[CpuTicks]:
    """Return what the CPUs of one side did."""
    cpus = spent[side.machine].cpus
    return [cpus[cpu] for cpu in side.cpus if cpu in cpus]


def _busy_fraction(cpus: Sequence[CpuTicks]) -> float | None:
    total = sum(cpu.total for cpu in cpus)
    return sum(cpu.busy for cpu in cpus) / total if total else None


def _others_fraction(
    cpus: Sequence[CpuTicks], own_s: float | None, *, interrupts: bool = False
) -> float | None:
    """Return the part of the CPUs' time that programs used beside those that used `own_s`.

    It is too small where the programs' own time includes interrupts, as it does on many kernels:
    with `interrupts`, these count as others'.
    """
    total = sum(cpu.total for cpu in cpus)
    if own_s is None or not total:
        return None
    used = sum(cpu.busy if interrupts else cpu.processes for cpu in cpus)
    return max(0.0, (used - own_s * os.sysconf("SC_CLK_TCK")) / total)


def _long_enough(cpus: Sequence[CpuTicks]) -> bool:
    """Return whether a pause has enough ticks to tell how busy the CPUs were."""
    return bool(cpus) and min(cpu.total for cpu in cpus) >= MINIMUM_PAUSE_TICKS


def _own_cpu_s() -> float:
    """Return the CPU time of this process, and of the programs of the client that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class InstanceUsage(Collector):
    """CPU time that the instance used, and the time that its CPU limit held it back.

    `cpu_s` is None if the platform cannot tell. `at_end` is the whole usage since its start.
    """

    cpu_s: float | None
    throttled_s: float
    at_end: Usage | None

    def begin(self, bench: Bench) -> None:
        """Read the usage. Raise InstanceDiedError if the instance under test is gone."""
        self._before = _usage(bench)

    def end(self, bench: Bench) -> Sequence[Measure]:
        """Read the usage again. Raise InstanceDiedError if the instance under test is gone."""
        self.at_end = _usage(bench)
        self.cpu_s = self._spent_s(lambda usage: usage.cpu_s)
        self.throttled_s = self._spent_s(lambda usage: usage.throttled_s) or 0.0
        return ()

    def _spent_s(self, seconds: Callable[[Usage], float | None]) -> float | None:
        """Subtract; an instance that did not exist at the beginning had spent nothing."""
        start_s = seconds(self._before) if self._before else 0.0
        end_s = seconds(self.at_end) if self.at_end else None
        return None if start_s is None or end_s is None else max(0.0, end_s - start_s)


class EnergyUse(Collector):
    """Energy that the processors of the server's machine used; None where it is not counted."""

    spent_j: float | None

    def begin(self, bench: Bench) -> None:
        """Read the counters."""
        self._before = energy.read(bench.placement.machine)

    def end(self, bench: Bench) -> Sequence[Measure]:
        """Read the counters again, and set the difference."""
        after = energy.read(bench.placement.machine)
        self.spent_j = energy.spent_j(self._before, after) if self._before else None
        return ()


def _usage(bench: Bench) -> Usage | None:
    return bench.technology.usage(bench.instance) if bench.instance else None


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A point in time, for people and for computing."""

    utc: str
    monotonic_s: float

    @classmethod
    def now(cls) -> Moment:
        """Return the current time."""
        return cls(utc=now_utc(), monotonic_s=time.monotonic())


def build_window(
    metric: Metric,
    value: float,
    *,
    index: int,
    started: Moment,
    duration_s: float,
    facts: WindowFacts | None = None,
    issues: Sequence[str] = (),
    faults: Sequence[str] = (),
    secondary: Iterable[Measure] = (),
    notes: Mapping[str, object] | None = None,
    **record: Any,  # noqa: ANN401 - other fields of a Window, which checks them
) -> Window:
    """Return the record of a window, judged by `facts`.

    `issues` make it at least suspect, `faults` invalid.
    """
    facts = facts or WindowFacts()
    verdict, reasons = window_verdict(facts)
    if faults:
        verdict = Verdict.INVALID
    return Window(
        index=index,
        metric=metric.name,
        value=value,
        unit=metric.unit,
        secondary=tuple(secondary),
        started_utc=started.utc,
        started_monotonic_s=started.monotonic_s,
        duration_s=duration_s,
        requests=facts.answered,
        failures=dict(facts.failures),
        client_busy_fraction=facts.client_busy_fraction,
        server_busy_fraction=facts.server_busy_fraction,
        notes=dict(notes or {}),
        verdict=Verdict.SUSPECT if issues and verdict is Verdict.OK else verdict,
        reasons=(*faults, *reasons, *issues),
        **record,
    )


class Observation:
    """What collectors see of a window, from the construction of this object to `end`.

    `verify` checks after it what is served; it raises VerificationError. `own_s` is the CPU time of
    programs of the client that have not ended, as far as somebody adds it.
    """

    def __init__(
        self,
        bench: Bench,
        *collectors: Collector,
        verify: Callable[[Bench], object] | None = None,
    ) -> None:
        self.machine, self.usage = MachineCounters(), InstanceUsage()
        self._bench, self._verify, self._wrong_content = bench, verify, ""
        self._disturbances, self._others_before = Disturbances(bench), 0.0
        self._others = (*(make() for make in COLLECTORS), *collectors)
        self._measures: list[Measure] = []
        self.begin()

    def begin_after_pause(self) -> None:
        """Begin again after a pause in which nothing is to run: all CPU time in it is others'."""
        self.machine.end(self._bench)
        sides = filter(_long_enough, (self.machine.server_ticks, self.machine.client_ticks))
        own_s = _own_cpu_s() - self._own_s
        fractions = (_others_fraction(side, own_s) or 0.0 for side in sides)
        self._others_before = max(fractions, default=0.0)
        self.begin()

    def begin(self) -> None:
        """Read what the end is compared with."""
        for collector in (*self._others, self.machine, self.usage):
            collector.begin(self._bench)
        self._clocks, self._own_s, self.own_s = Clocks.read(), _own_cpu_s(), 0.0
        self.started = Moment.now()

    def end(self, bench: Bench) -> None:
        """End the observation; `bench` has the instance, which may be started by now."""
        clocks, own_s = Clocks.read(), _own_cpu_s() - self._own_s + self.own_s
        self.elapsed_s = (clocks.monotonic_ns - self._clocks.monotonic_ns) / 1e9
        self._clock_step_s = (clocks.offset_ns - self._clocks.offset_ns) / 1e9
        self._disturbances.processes.stop()
        for collector in (self.machine, self.usage, *self._others):
            self._measures += collector.end(bench)
        self._disturbances.end()
        self._judge_others(own_s)
        try:
            if self._verify is not None:
                self._verify(bench)
        except VerificationError as wrong:
            self._wrong_content = wrong.message

    def _judge_others(self, own_s: float) -> None:
        """Find what others took at the server and at the client, and how long the server waited.

        It is not known of an instance that was started meanwhile, because what its engine does for
        the start is not in its usage; nor at the server of one without a process on this machine.
        """
        server, shared = self.machine.server_ticks, shared_cpus(self._bench)
        server_s = self.usage.cpu_s if self._disturbances.knows_server else None
        if server_s is not None and shared:
            server_s += own_s
        known = self._bench.instance and self._bench.client.machine == LOCAL and not shared
        self._others_at_server = _others_fraction(server, server_s)
        self._others_at_client = _others_fraction(
            self.machine.client_ticks, own_s if known else None
        )
        most = _others_fraction(server, server_s, interrupts=True) or 0.0
        waited = self._disturbances.waited_s / max(self.elapsed_s, 1e-9)
        self._waited_fraction = min(most * len(server), waited)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._disturbances.processes.stop()
        if failed is None:
            self.end(self._bench)

    @property
    def facts(self) -> WindowFacts:
        """The facts that count for a window of any workload; `replace` adds the workload's own."""
        return WindowFacts(
            steal_fraction=self.machine.steal_fraction,
            throttled_s=self.usage.throttled_s,
            swapped_pages=self.machine.swapped_pages,
            clock_step_s=self._clock_step_s,
            others_at_server=self._others_at_server,
            others_at_client=self._others_at_client,
            waited_fraction=self._waited_fraction,
            others_before=self._others_before,
            held=tuple(self._disturbances.processes.held),
            changes=self._disturbances.changes,
            wrong_content=self._wrong_content,
            memory_stall_fraction=self.machine.memory_stalled_s / max(self.elapsed_s, 1e-9),
            limit_hits=self._disturbances.limit_hits,
            major_faults=self._disturbances.major_faults,
            shared_cpus=shared_cpus(self._bench),
            shared_cores=shared_cores(self._bench),
            loopback=on_loopback(self._bench),
        )

    def window(
        self,
        metric: Metric,
        value: float,
        *,
        facts: WindowFacts | None = None,
        secondary: Iterable[Measure] = (),
        **record: Any,  # noqa: ANN401 - see build_window
    ) -> Window:
        """Return the record of the window that was observed; see `build_window`."""
        return build_window(
            metric,
            value,
            started=self.started,
            facts=facts or self.facts,
            secondary=(*secondary, *self._measures),
            server_cpu_s=self.usage.cpu_s,
            server_cpus=len(self._bench.placement.cpus),
            **record,
        )


def _client_cpus_beside_server(bench: Bench) -> set[int]:
    """Return the client's CPUs on the server's machine."""
    return set(bench.client.cpus) if bench.client.machine == bench.placement.machine else set()


def shared_cpus(bench: Bench) -> tuple[int, ...]:
    """Return the CPUs that client and server both use."""
    return tuple(sorted(_client_cpus_beside_server(bench) & set(bench.placement.cpus)))


def shared_cores(bench: Bench) -> tuple[tuple[int, ...], ...]:
    """Return the CPUs of each core of which client and server use different threads."""
    client, shared = _client_cpus_beside_server(bench), shared_cpus(bench)
    if not client:
        return ()
    cores = bench.placement.machine.cores({*bench.placement.cpus, *bench.client.cpus})
    used = {cores[cpu] for cpu in bench.placement.cpus if cpu in cores and cpu not in shared}
    return tuple(sorted(tuple(sorted(core)) for core in used if core & client))


def on_loopback(bench: Bench) -> bool:
    """Return whether the client has no network stack of its own."""
    address = bench.client.address
    return address == bench.placement.address or ipaddress.ip_address(address).is_loopback
