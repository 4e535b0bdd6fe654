# SPDX-License-Identifier: Apache-2.0
"""What was requested and what was in force, as pairs of names and values."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from featherbench.files import canonical_json
from featherbench.records.cell import OPEN_CONNECTIONS, Cell
from featherbench.records.machine import MachineRecord

UNKNOWN = "not reported by the kernel"
MIB_PER_GIB = 1024


def as_yaml(config: Mapping[str, Any]) -> str:
    """Return the configuration as YAML."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=96)


def compact(value: object) -> str:
    """Return any JSON value on one line, text without quotes."""
    return value if isinstance(value, str) else canonical_json(value)


def tuning_in_force(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Return every distinct tuning that was read back, after the platforms that had it.

    If there are several, the workloads are listed, too: a platform may differ between workloads.
    """
    by_tuning: dict[str, dict[str, list[str]]] = {}
    verified = {  # the largest number of connections of each platform and workload
        (cell.coordinates.platform, cell.coordinates.workload): cell.tuning[OPEN_CONNECTIONS]
        for cell in sorted(cells, key=lambda cell: cell.coordinates.load_point.level)
        if OPEN_CONNECTIONS in cell.tuning
    }
    for cell in cells:
        platform, workload = cell.coordinates.platform, cell.coordinates.workload
        most = verified.get((platform, workload))
        tuning = as_yaml(cell.tuning | ({OPEN_CONNECTIONS: most} if most else {}))
        workloads = by_tuning.setdefault(tuning, {}).setdefault(platform, [])
        if workload not in workloads:
            workloads.append(workload)
    if len(by_tuning) == 1:
        return [(", ".join(platforms), tuning) for tuning, platforms in by_tuning.items()]
    return [(_with_workloads(platforms), tuning) for tuning, platforms in by_tuning.items()]


def _with_workloads(platforms: Mapping[str, Sequence[str]]) -> str:
    """Return the platforms, grouped by the workloads for which they had a tuning."""
    groups: dict[str, list[str]] = {}
    for platform, workloads in platforms.items():
        groups.setdefault(", ".join(sorted(workloads)), []).append(platform)
    return "; ".join(f"{', '.join(names)} for {workloads}" for workloads, names in groups.items())


def machine_facts(machine: MachineRecord) -> list[tuple[str, str]]:
    """Return the facts of the machine by name."""
    memory = None if machine.memory_mib is None else f"{machine.memory_mib / MIB_PER_GIB:.1f} GiB"
    facts = {
        "CPU": machine.cpu_model,
        "CPUs": machine.cpu_count,
        "microcode": machine.microcode,
        "memory": memory,
        "virtualization": machine.virtualization,
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
    """Return the versions of the software that made the results."""
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
    """Return the fingerprints of all machines that results come from, if there are several."""
    distinct = {cell.machine_fingerprint for cell in cells}
    distinct |= {machine.fingerprint} if machine else set()
    return sorted(distinct) if len(distinct) > 1 else []
