# SPDX-License-Identifier: Apache-2.0
"""What a control group has used: CPU time and memory, versions 1 and 2.

The working set is the memory in use without the page cache that the kernel would drop first: usage
minus `inactive_file`, as in Kubernetes and `docker stats`. It includes the active page cache, which
is charged to the group that touched a page first. Peaks include the page cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.records.cell import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from featherbench.system.cgroup import ControlGroup

NS_PER_S = 1_000_000_000
US_PER_S = 1_000_000

V1_CPU = ("cpu.stat",)
V1_CPUACCT = ("cpuacct.usage",)
V1_MEMORY = ("memory.usage_in_bytes", "memory.stat", "memory.max_usage_in_bytes")
V2 = ("cpu.stat", "memory.current", "memory.stat", "memory.peak")


def parse_flat(text: str) -> dict[str, int]:
    """Parse a file of `key number` lines."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - a pair


def _number(files: Mapping[str, str], name: str) -> int | None:
    return int(files[name]) if name in files else None


def _scaled(count: int | None, per_s: int) -> float | None:
    return None if count is None else count / per_s


def _working_set(current: int | None, inactive_file: int | None) -> int | None:
    """Subtract; the two are read at different moments, so the difference could be negative."""
    if current is None or inactive_file is None:
        return None
    return max(0, current - inactive_file)


def parse_v1(files: Mapping[str, str]) -> Usage:
    """Parse the files of version 1, by name; a missing file leaves None.

    See the kernel's admin-guide/cgroup-v1: `total_*` include groups below; times are in ns.
    """
    throttling = parse_flat(files.get("cpu.stat", ""))
    memory = parse_flat(files.get("memory.stat", ""))
    current = _number(files, "memory.usage_in_bytes")
    return Usage(
        cpu_s=_scaled(_number(files, "cpuacct.usage"), NS_PER_S),
        throttled_s=_scaled(throttling.get("throttled_time"), NS_PER_S),
        memory_current_bytes=current,
        memory_working_set_bytes=_working_set(current, memory.get("total_inactive_file")),
        memory_anonymous_bytes=memory.get("total_rss"),
        memory_file_bytes=memory.get("total_cache"),
        memory_peak_bytes=_number(files, "memory.max_usage_in_bytes"),
        source=f"cgroup v1: {', '.join(files)}",
    )


def parse_v2(files: Mapping[str, str]) -> Usage:
    """Parse the files of version 2, by name; a missing file leaves None.

    See the kernel's admin-guide/cgroup-v2: times are in us; `memory.peak` came with 5.19.
    """
    cpu = parse_flat(files.get("cpu.stat", ""))
    memory = parse_flat(files.get("memory.stat", ""))
    current = _number(files, "memory.current")
    return Usage(
        cpu_s=_scaled(cpu.get("usage_usec"), US_PER_S),
        throttled_s=_scaled(cpu.get("throttled_usec"), US_PER_S),
        memory_current_bytes=current,
        memory_working_set_bytes=_working_set(current, memory.get("inactive_file")),
        memory_anonymous_bytes=memory.get("anon"),
        memory_file_bytes=memory.get("file"),
        memory_peak_bytes=_number(files, "memory.peak"),
        source=f"cgroup v2: {', '.join(files)}",
    )


def _paths(group: ControlGroup) -> list[Path]:
    if group.version != 1:
        return [group.memory / name for name in V2]
    folders = ((group.cpuacct, V1_CPUACCT), (group.cpu, V1_CPU), (group.memory, V1_MEMORY))
    return [folder / name for folder, names in folders for name in names]


def usage_of(group: ControlGroup) -> Usage:
    """Return what a group has used since it was made. Raises OSError when the group is gone."""
    files = {path.name: text for path, text in group.machine.read(_paths(group)).items()}
    if not files:
        raise FileNotFoundError(group.memory)
    return parse_v1(files) if group.version == 1 else parse_v2(files)


def reset_peak(group: ControlGroup) -> bool:
    """Reset the memory peak to the present usage; return False where that is impossible.

    Version 2 resets `memory.peak` (from Linux 6.12) only for readers of the descriptor that wrote
    to it, which does not help drivers: they keep no files open.
    """
    if group.version != 1:
        return False
    group.machine.write(group.memory / "memory.max_usage_in_bytes", "0")
    return True
