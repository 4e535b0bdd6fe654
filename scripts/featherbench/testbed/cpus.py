# SPDX-License-Identifier: Apache-2.0
"""Which CPUs the server gets, and which the client."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from featherbench.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from featherbench.records.job_specs import TestbedSpec

SYSFS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, kw_only=True)
class CpuSplit:
    """The CPUs of both sides. `shared` is what they have in common beyond the machine itself."""

    server: tuple[int, ...]
    client: tuple[int, ...]
    shared: Literal["nothing", "core", "cpu"]


def parse_cpu_list(text: str) -> frozenset[int]:
    """Read the kernel's notation of CPU sets, such as `0-3,8`."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def read_siblings(sysfs: Path = SYSFS) -> dict[int, frozenset[int]]:
    """Map each CPU that is online to the CPUs of its core, itself included."""
    online = parse_cpu_list((sysfs / "online").read_text())
    return {cpu: _siblings(sysfs, cpu) & online for cpu in online}


def _siblings(sysfs: Path, cpu: int) -> frozenset[int]:
    file = sysfs / f"cpu{cpu}" / "topology" / "thread_siblings_list"
    # A virtual machine may show no topology: every CPU is then a core of its own.
    return parse_cpu_list(file.read_text()) if file.exists() else frozenset({cpu})


def split(siblings: Mapping[int, frozenset[int]], allowed: Collection[int]) -> CpuSplit:
    """Split the cores in half, the threads of a core together.

    The client gets the first half, with CPU 0 and its interrupts, and the odd core, since it must
    not be the bottleneck. A single core is split by its threads; a single CPU is shared.
    """
    cores = sorted({tuple(sorted(siblings[cpu] & set(allowed))) for cpu in allowed})
    shared: Literal["nothing", "core"] = "nothing"
    if len(cores) == 1:
        cores, shared = [(cpu,) for cpu in cores[0]], "core"
    if len(cores) == 1:
        return CpuSplit(server=cores[0], client=cores[0], shared="cpu")
    half = (len(cores) + 1) // 2
    return CpuSplit(server=_flat(cores[half:]), client=_flat(cores[:half]), shared=shared)


def _flat(cores: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted(cpu for core in cores for cpu in core))


def _check(key: str, cpus: tuple[int, ...], allowed: Collection[int]) -> None:
    unusable = sorted(set(cpus) - set(allowed))
    if unusable or not cpus:
        usable = ", ".join(map(str, sorted(allowed)))
        raise TestbedError(
            f"{key}: CPU {', '.join(map(str, unusable))} is not online, or not ours to use"
            if unusable
            else f"{key}: names no CPU",
            remedy=f"name CPUs among {usable}, or `auto`",
        )


def _explicit(
    server: tuple[int, ...],
    client: tuple[int, ...],
    siblings: Mapping[int, frozenset[int]],
) -> CpuSplit:
    if both := sorted(set(server) & set(client)):
        raise TestbedError(
            f"client_cpus and server_cpus both name CPU {', '.join(map(str, both))}",
            remedy="give the two disjoint CPUs, or `auto`",
        )
    cores = {cpu for server_cpu in server for cpu in siblings[server_cpu]}
    return CpuSplit(
        server=server, client=client, shared="core" if cores & set(client) else "nothing"
    )


def choose(
    spec: TestbedSpec, siblings: Mapping[int, frozenset[int]], allowed: Collection[int]
) -> CpuSplit:
    """Give what the configuration asks for; a side that is `auto` gets what the other leaves.

    Raises TestbedError when a CPU is not there, or named for both.
    """
    for key, cpus in (("server_cpus", spec.server_cpus), ("client_cpus", spec.client_cpus)):
        if cpus != "auto":
            _check(key, cpus, allowed)
    server, client = spec.server_cpus, spec.client_cpus
    if server == "auto" and client == "auto":
        return split(siblings, allowed)
    if server == "auto":
        server = _rest("server_cpus", client, allowed)
    if client == "auto":
        client = _rest("client_cpus", server, allowed)
    return _explicit(server, client, siblings)


def _rest(
    key: str, taken: tuple[int, ...] | Literal["auto"], allowed: Collection[int]
) -> tuple[int, ...]:
    rest = tuple(sorted(set(allowed) - set(taken)))
    if not rest:
        raise TestbedError(f"{key}: no CPU is left for it", remedy="name fewer for the other side")
    return rest


def choose_here(spec: TestbedSpec) -> CpuSplit:
    """Choose among the CPUs of this machine that this process may use."""
    siblings = read_siblings()
    return choose(spec, siblings, os.sched_getaffinity(0) & set(siblings))
