# SPDX-License-Identifier: Apache-2.0
"""What was asked for and what was in force, as pairs of names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from featherbench.files import canonical_json
from featherbench.services.open_connections import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from featherbench.records.cell import Cell
    from featherbench.records.machine import MachineRecord

UNKNOWN = "not told by the kernel"
MIB_PER_GIB = 1024


def as_yaml(config: Mapping[str, Any]) -> str:
    """Spell the configuration as the user writes it."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=96)


def compact(value: object) -> str:
    """Spell any JSON value on one line, text without quotes."""
    return value if isinstance(value, str) else canonical_json(value)


def tuning_in_force(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Give every tuning that was read back, once, with the platforms that had it.

    Where there are several, their workloads are told, too: a platform may have had one for each.
    """
    found: dict[str, dict[str, dict[str, None]]] = {}
    verified = _most_connections(cells)
    for cell in cells:
        at = (cell.coordinates.platform, cell.coordinates.workload)
        platforms = found.setdefault(as_yaml({**cell.tuning, **verified.get(at, {})}), {})
        platforms.setdefault(at[0], {})[at[1]] = None
    if len(found) == 1:
        return [(", ".join(platforms), tuning) for tuning, platforms in found.items()]
    return [(_under_workloads(platforms), tuning) for tuning, platforms in found.items()]


def _most_connections(cells: Iterable[Cell]) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Give, by platform and workload, the most connections that held."""
    levels = sorted(cells, key=lambda cell: cell.coordinates.concurrency)
    return {
        (cell.coordinates.platform, cell.coordinates.workload): {KEY: cell.tuning[KEY]}
        for cell in levels
        if KEY in cell.tuning
    }


def _under_workloads(platforms: Mapping[str, Iterable[str]]) -> str:
    """Name platforms that had it under the same workloads together."""
    groups: dict[str, list[str]] = {}
    for platform, workloads in platforms.items():
        groups.setdefault(", ".join(sorted(workloads)), []).append(platform)
    return "; ".join(f"{', '.join(names)} under {which}" for which, names in groups.items())


def machine_facts(machine: MachineRecord) -> list[tuple[str, str]]:
    """Give the machine's facts by name."""
    memory = None if machine.memory_mib is None else f"{machine.memory_mib / MIB_PER_GIB:.1f} GiB"
    facts = {
        "CPU": machine.cpu_model,
        "CPUs": machine.cpu_count,
        "microcode": machine.microcode,
        "memory": memory,
        "virtualisation": machine.virtualization,
        "operating system": machine.operating_system,
        "kernel": machine.kernel,
        "control groups": machine.cgroup_version,
        "CPU governor": ", ".join(machine.governors) or None,
        "turbo": _switch(machine.turbo),
        "SMT": _switch(machine.smt),
        "idle states": ", ".join(f"{n} ({us} µs)" for n, us in machine.idle_states_us.items())
        or None,
        "clock source": machine.clock_source,
        "transparent huge pages": machine.transparent_huge_pages,
        "fingerprint": machine.fingerprint,
        "recorded": machine.recorded_utc,
    }
    return [(name, UNKNOWN if value is None else str(value)) for name, value in facts.items()]


def _switch(on: bool | None) -> str | None:  # noqa: FBT001 - a reading, not an option
    return None if on is None else ("on" if on else "off")


def software(machine: MachineRecord) -> list[tuple[str, str]]:
    """Give the versions of what made the numbers."""
    commit = machine.git_commit or "not a git checkout"
    changed = " with uncommitted changes" if machine.git_dirty else ""
    return [
        ("featherbench, commit", f"{commit}{changed}"),
        ("Python", machine.python),
        *sorted(machine.libraries.items()),
        *sorted(machine.tools.items()),
        *(
            (f"{technology}: {name}", value)
            for technology, facts in machine.technologies.items()
            for name, value in facts.items()
        ),
    ]


def fingerprints(machine: MachineRecord | None, cells: Sequence[Cell]) -> list[str]:
    """Give the fingerprints of all machines that numbers came from, if there are several."""
    found = {cell.machine_fingerprint for cell in cells} | (
        {machine.fingerprint} if machine else set()
    )
    return sorted(found) if len(found) > 1 else []
