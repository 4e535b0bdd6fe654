# SPDX-License-Identifier: Apache-2.0
"""What the machine did during a window: counters read before and after, and their difference."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.clock import now_utc
from featherbench.measuring.window_verdict import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from featherbench.contracts.bench import Bench, Client
    from featherbench.contracts.technology import Placement
    from featherbench.records.cell import Usage
    from featherbench.system.machine import Counters, Machine
    from featherbench.system.procfs import CpuTicks


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The counters at one moment. `usage` is None where no instance is under test."""

    monotonic_s: float
    utc: str
    counters: Mapping[Machine, Counters]
    """Of the machines of the client and of the server."""
    usage: Usage | None


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What happened between two snapshots; fractions are of the time between them."""

    started_utc: str
    started_monotonic_s: float
    elapsed_s: float
    client_busy_fraction: float | None
    server_busy_fraction: float | None
    server_busiest_fraction: float | None
    steal_fraction: float
    swapped_pages: int
    server_cpu_s: float | None
    throttled_s: float


def _machines(bench: Bench) -> set[Machine]:
    return {bench.client.machine, bench.placement.machine}


def snapshot(bench: Bench) -> Snapshot:
    """Read all counters. Raises InstanceDiedError when the instance under test is gone."""
    return Snapshot(
        counters={machine: machine.counters() for machine in _machines(bench)},
        usage=bench.technology.usage(bench.instance) if bench.instance else None,
        utc=now_utc(),
        monotonic_s=time.monotonic(),
    )


def _ticks(spent: Mapping[Machine, Counters], side: Client | Placement) -> list[CpuTicks]:
    """Return what the CPUs of one side did."""
    cpus = spent[side.machine].cpus
    return [cpus[cpu] for cpu in side.cpus if cpu in cpus]


def between(before: Snapshot, after: Snapshot, bench: Bench) -> Observed:
    """Give what happened between two snapshots."""
    spent = {
        machine: after.counters[machine] - before.counters[machine] for machine in before.counters
    }
    client = _ticks(spent, bench.client)
    server = _ticks(spent, bench.placement)
    busiest = max(filter(None, map(_busy_fraction, ([cpu] for cpu in server))), default=None)
    return Observed(
        started_utc=before.utc,
        started_monotonic_s=before.monotonic_s,
        elapsed_s=after.monotonic_s - before.monotonic_s,
        client_busy_fraction=_busy_fraction(client),
        server_busy_fraction=_busy_fraction(server),
        server_busiest_fraction=busiest,
        steal_fraction=max((cpu.steal_fraction for cpu in [*client, *server]), default=0.0),
        swapped_pages=sum(counters.swapped_pages for counters in spent.values()),
        server_cpu_s=_spent_s(_cpu_s, before.usage, after.usage),
        throttled_s=_spent_s(_throttled_s, before.usage, after.usage) or 0.0,
    )


def circumstances(observed: Observed, bench: Bench) -> Facts:
    """Give the facts that count for a window of any workload; `replace` adds its own."""
    return Facts(
        steal_fraction=observed.steal_fraction,
        throttled_s=observed.throttled_s,
        swapped_pages=observed.swapped_pages,
        shared_cpus=shared_cpus(bench),
        shared_cores=shared_cores(bench),
        loopback=on_loopback(bench),
    )


def _busy_fraction(cpus: Iterable[CpuTicks]) -> float | None:
    cpus = list(cpus)
    total = sum(cpu.total for cpu in cpus)
    return sum(cpu.busy for cpu in cpus) / total if total else None


def _cpu_s(usage: Usage) -> float | None:
    return usage.cpu_s


def _throttled_s(usage: Usage) -> float | None:
    return usage.throttled_s


def _spent_s(
    seconds: Callable[[Usage], float | None], before: Usage | None, after: Usage | None
) -> float | None:
    """Subtract; an instance that was not there before had spent nothing yet."""
    start_s = seconds(before) if before else 0.0
    end_s = seconds(after) if after else None
    return None if start_s is None or end_s is None else max(0.0, end_s - start_s)


def shared_cpus(bench: Bench) -> tuple[int, ...]:
    """Return the CPUs that client and server both use."""
    return tuple(sorted(set(_client_cpus_beside_server(bench)) & set(bench.placement.cpus)))


def shared_cores(bench: Bench) -> tuple[tuple[int, ...], ...]:
    """Return the CPUs of each core of which client and server use different threads."""
    client, shared = set(_client_cpus_beside_server(bench)), shared_cpus(bench)
    if not client:
        return ()
    cores = bench.placement.machine.cores()
    used = {cores[cpu] for cpu in bench.placement.cpus if cpu in cores and cpu not in shared}
    return tuple(sorted(tuple(sorted(core)) for core in used if core & client))


def _client_cpus_beside_server(bench: Bench) -> tuple[int, ...]:
    """Return the client's CPUs on the server's machine."""
    return bench.client.cpus if bench.client.machine == bench.placement.machine else ()


def on_loopback(bench: Bench) -> bool:
    """Whether the client has no network stack of its own."""
    address = bench.client.address
    return address == bench.placement.address or ipaddress.ip_address(address).is_loopback
