# SPDX-License-Identifier: Apache-2.0
"""What the machine did during a window: counters read before and after, and their difference."""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.clock import now_utc
from featherbench.measuring.window_verdict import Facts
from featherbench.system import procfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from featherbench.contracts.bench import Bench
    from featherbench.records.cell import Usage

ROOT = Path("/")
PROC_STAT = Path("/proc/stat")
PROC_VMSTAT = Path("/proc/vmstat")
COUNTED_ONCE = 8
"""Of the columns of /proc/stat; `guest` and `guest_nice` are in `user` and `nice` already."""
SWAP_COUNTERS = {"pswpin", "pswpout"}


@dataclass(frozen=True, kw_only=True)
class CpuTicks:
    """What a CPU did since boot, in ticks of the kernel's USER_HZ."""

    busy: int
    steal: int
    total: int

    def __sub__(self, earlier: CpuTicks) -> CpuTicks:
        return CpuTicks(
            busy=self.busy - earlier.busy,
            steal=self.steal - earlier.steal,
            total=self.total - earlier.total,
        )


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The counters at one moment. `usage` is None where no instance is under test."""

    monotonic_s: float
    utc: str
    cpus: Mapping[int, CpuTicks]
    swapped_pages: int
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


def parse_cpu_ticks(proc_stat: str) -> dict[int, CpuTicks]:
    """Read the lines of the single CPUs of /proc/stat; see proc(5)."""
    return {
        int(number): _ticks([int(column) for column in columns.split()])
        for number, columns in re.findall(r"^cpu(\d+) (.*)$", proc_stat, re.MULTILINE)
    }


def _ticks(columns: list[int]) -> CpuTicks:
    _, _, _, idle, iowait, _, _, steal = counted = columns[:COUNTED_ONCE]
    total = sum(counted)
    return CpuTicks(busy=total - idle - iowait - steal, steal=steal, total=total)


def parse_swapped_pages(proc_vmstat: str) -> int:
    """Read from /proc/vmstat how many pages went in and out of swap since boot."""
    rows = (line.split() for line in proc_vmstat.splitlines())
    return sum(int(value) for name, value in rows if name in SWAP_COUNTERS)


def snapshot(bench: Bench) -> Snapshot:
    """Read all counters. Raises InstanceDiedError when the instance under test is gone."""
    return Snapshot(
        cpus=parse_cpu_ticks(PROC_STAT.read_text()),
        swapped_pages=parse_swapped_pages(PROC_VMSTAT.read_text()),
        usage=bench.technology.usage(bench.instance) if bench.instance else None,
        utc=now_utc(),
        monotonic_s=time.monotonic(),
    )


def between(before: Snapshot, after: Snapshot, bench: Bench) -> Observed:
    """Give what happened between two snapshots."""
    spent = {cpu: after.cpus[cpu] - ticks for cpu, ticks in before.cpus.items()}
    client = [spent[cpu] for cpu in bench.client.cpus if cpu in spent]
    server = [spent[cpu] for cpu in bench.placement.cpus if cpu in spent]
    busiest = max(filter(None, map(_busy_fraction, ([cpu] for cpu in server))), default=None)
    return Observed(
        started_utc=before.utc,
        started_monotonic_s=before.monotonic_s,
        elapsed_s=after.monotonic_s - before.monotonic_s,
        client_busy_fraction=_busy_fraction(client),
        server_busy_fraction=_busy_fraction(server),
        server_busiest_fraction=busiest,
        steal_fraction=max((_steal_fraction(cpu) for cpu in [*client, *server]), default=0.0),
        swapped_pages=after.swapped_pages - before.swapped_pages,
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


def _steal_fraction(cpu: CpuTicks) -> float:
    return cpu.steal / cpu.total if cpu.total else 0.0


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
    """Give the CPUs that client and server both use."""
    return tuple(sorted(set(bench.client.cpus) & set(bench.placement.cpus)))


def shared_cores(bench: Bench) -> tuple[tuple[int, ...], ...]:
    """Give the CPUs of each core of which client and server use different threads."""
    client, shared = set(bench.client.cpus), shared_cpus(bench)
    cores = {procfs.core_of(ROOT, cpu) for cpu in bench.placement.cpus if cpu not in shared}
    return tuple(sorted(tuple(sorted(core)) for core in cores if core & client))


def on_loopback(bench: Bench) -> bool:
    """Whether the client has no network stack of its own."""
    address = bench.client.address
    return address == bench.placement.address or ipaddress.ip_address(address).is_loopback
