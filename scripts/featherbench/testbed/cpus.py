# SPDX-License-Identifier: Apache-2.0
"""Which CPUs the server gets, and which the client.

`cores` maps each CPU that may be used to all CPUs of its core: see `Machine.cores`. `kinds` are
the CPUs of each kind, where there are several, the fastest first: see `procfs.cpu_kinds`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from featherbench.errors import TestbedError
from featherbench.records.job_specs import TestbedSpec
from featherbench.system.machine import Machine


@dataclass(frozen=True, kw_only=True)
class CpuSplit:
    """The CPUs of both sides. `shared` is what they have in common beyond the machine itself."""

    server: tuple[int, ...]
    client: tuple[int, ...]
    shared: Literal["nothing", "core", "cpu"]


def split(cores: Mapping[int, frozenset[int]], kinds: Sequence[frozenset[int]] = ()) -> CpuSplit:
    """Split the cores in half, the threads of a core together; of the fastest kind that has two.

    The client gets the first half, with CPU 0 and its interrupts, and the odd core, since it must
    not be the bottleneck. A single core is split by its threads; a single CPU is shared.
    """
    usable = sorted({tuple(sorted(core & cores.keys())) for core in cores.values()})
    of_kinds = ([core for core in usable if kind.issuperset(core)] for kind in kinds)
    usable = next((alike for alike in of_kinds if len(alike) > 1), usable)
    shared: Literal["nothing", "core"] = "nothing"
    if len(usable) == 1:
        usable, shared = [(cpu,) for cpu in usable[0]], "core"
    if len(usable) == 1:
        return CpuSplit(server=usable[0], client=usable[0], shared="cpu")
    half = (len(usable) + 1) // 2
    client, server = (tuple(sorted(chain(*side))) for side in (usable[:half], usable[half:]))
    return CpuSplit(server=server, client=client, shared=shared)


def _numbers(cpus: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(cpus)))


def _check(key: str, cpus: tuple[int, ...], usable: Collection[int]) -> None:
    """Raise TestbedError when one of the CPUs that the configuration names cannot be used."""
    if unusable := set(cpus) - set(usable):
        raise TestbedError(
            f"{key}: CPU {_numbers(unusable)} is not online, or this process may not use it",
            remedy=f"name CPUs among {_numbers(usable)}, or `auto`",
        )


def _explicit(
    server: tuple[int, ...], client: tuple[int, ...], cores: Mapping[int, frozenset[int]]
) -> CpuSplit:
    if both := set(server) & set(client):
        raise TestbedError(
            f"client_cpus and server_cpus both name CPU {_numbers(both)}",
            remedy="give the two disjoint CPUs, or `auto`",
        )
    server_cores = {sibling for cpu in server for sibling in cores[cpu]}
    shared: Literal["nothing", "core"] = "core" if server_cores & set(client) else "nothing"
    return CpuSplit(server=server, client=client, shared=shared)


def usable(spec: TestbedSpec, machine: Machine) -> Mapping[int, frozenset[int]]:
    """Return the cores of the CPUs that may be used: those of this process, and those named."""
    sides = (spec.server_cpus, spec.client_cpus)
    return machine.cores({cpu for side in sides if side != "auto" for cpu in side})


def choose(
    spec: TestbedSpec, cores: Mapping[int, frozenset[int]], kinds: Sequence[frozenset[int]] = ()
) -> CpuSplit:
    """Return the CPUs that the configuration names; a side that is `auto` gets the other ones.

    Those are of the kinds that the named ones are of, if there are any.

    Raises TestbedError when a CPU cannot be used, or is named for both sides.
    """
    for key, cpus in (("server_cpus", spec.server_cpus), ("client_cpus", spec.client_cpus)):
        if cpus != "auto":
            _check(key, cpus, cores)
    server, client = spec.server_cpus, spec.client_cpus
    if server == "auto" and client == "auto":
        return split(cores, kinds)
    if server == "auto":
        server = _rest("server_cpus", client, cores, kinds)
    if client == "auto":
        client = _rest("client_cpus", server, cores, kinds)
    return _explicit(server, client, cores)


def _rest(
    key: str,
    taken: tuple[int, ...] | Literal["auto"],
    usable: Collection[int],
    kinds: Sequence[frozenset[int]],
) -> tuple[int, ...]:
    like_taken = frozenset[int]().union(*(kind for kind in kinds if not kind.isdisjoint(taken)))
    others = set(usable) - set(taken)
    rest = tuple(sorted(others & like_taken or others))
    if not rest:
        raise TestbedError(f"{key}: no CPU is left for it", remedy="name fewer for the other side")
    return rest
