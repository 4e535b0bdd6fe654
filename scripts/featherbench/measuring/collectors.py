# SPDX-License-Identifier: Apache-2.0
"""Collectors: what is read when a window begins and when it ends, and the difference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from featherbench.contracts.bench import Bench, Client
    from featherbench.contracts.technology import Placement
    from featherbench.records.cell import Measure, Usage
    from featherbench.records.metric import Metric
    from featherbench.system.machine import Counters, Machine
    from featherbench.system.procfs import CpuTicks


class Collector(ABC):
    """Collects something during a window. One object per window."""

    metrics: tuple[Metric, ...] = ()
    """Those of its measures, if it runs around all windows."""

    @abstractmethod
    def begin(self, bench: Bench) -> None:
        """Read what the end of the window is compared with."""

    @abstractmethod
    def end(self, bench: Bench) -> Sequence[Measure]:
        """Return the measures of the window; the instance may have been started during it."""


class MachineCounters(Collector):
    """CPU time and swapping of the client's and the server's machines.

    Fractions are of the time from begin to end. `steal_fraction` is the largest of any CPU,
    `server_busiest_fraction` that of the server's busiest CPU.
    """

    client_busy_fraction: float | None
    server_busy_fraction: float | None
    server_busiest_fraction: float | None
    steal_fraction: float
    swapped_pages: int

    def begin(self, bench: Bench) -> None:
        """Read the counters."""
        self._before = _read(bench)

    def end(self, bench: Bench) -> Sequence[Measure]:
        """Read the counters again, and set the differences."""
        spent = {
            machine: counters - self._before[machine] for machine, counters in _read(bench).items()
        }
        client, server = _ticks(spent, bench.client), _ticks(spent, bench.placement)
        self.client_busy_fraction = _busy_fraction(client)
        self.server_busy_fraction = _busy_fraction(server)
        self.server_busiest_fraction = max(
            filter(None, (_busy_fraction([cpu]) for cpu in server)), default=None
        )
        self.steal_fraction = max((cpu.steal_fraction for cpu in [*client, *server]), default=0.0)
        self.swapped_pages = sum(counters.swapped_pages for counters in spent.values())
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


def _usage(bench: Bench) -> Usage | None:
    return bench.technology.usage(bench.instance) if bench.instance else None
