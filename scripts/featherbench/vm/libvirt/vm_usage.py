# SPDX-License-Identifier: Apache-2.0
"""What a virtual machine has used: its QEMU process, and the memory that its kernel reports."""

import os
from collections.abc import Mapping
from pathlib import Path

from featherbench.errors import InstanceDiedError
from featherbench.records.cell import Usage
from featherbench.system.procfs import parse_process_stat, parse_sizes
from featherbench.units import KIB

PROC = Path("/proc")
RESET_PEAK = "5"
"""For /proc/PID/clear_refs: resets the peak of the resident set."""
SOURCE = (
    "processor time: QEMU's threads, those of vhost-net included (/proc/PID/stat, in ticks);"
    " memory: QEMU's proportional and resident set (/proc/PID/smaps_rollup, status);"
    " guest: MemTotal - MemAvailable, by its balloon driver"
)


def guest_used_bytes(stats: Mapping[str, int]) -> int | None:
    """Return the memory that the guest's kernel could not give to new programs, if it reported it.

    `stats` are virDomainMemoryStats: `available` is the guest's MemTotal, `usable` its
    MemAvailable, both in KiB.
    """
    if "available" not in stats or "usable" not in stats:
        return None
    return (stats["available"] - stats["usable"]) * KIB


def vhost_threads(pid: int) -> list[int]:
    """Return the kernel's threads for a QEMU's packets; since Linux 6.4 they are QEMU's own."""
    return [
        int(comm.parent.name)
        for comm in PROC.glob("[0-9]*/comm")
        if _content(comm).strip() == f"vhost-{pid}"
    ]


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _cpu_s(pid: int) -> float:
    ticks = parse_process_stat((PROC / str(pid) / "stat").read_text(encoding="utf-8")).cpu_ticks
    for thread in vhost_threads(pid):
        if stat := _content(PROC / str(thread) / "stat"):
            ticks += parse_process_stat(stat).cpu_ticks
    return ticks / os.sysconf("SC_CLK_TCK")


def usage_of(pid: int, stats: Mapping[str, int]) -> Usage:
    """Return what QEMU has used. Raise InstanceDiedError if the process is gone."""
    try:
        rollup = parse_sizes((PROC / str(pid) / "smaps_rollup").read_text(encoding="utf-8"))
        status = parse_sizes((PROC / str(pid) / "status").read_text(encoding="utf-8"))
        cpu_s, peak_bytes = _cpu_s(pid), status["VmHWM"]
    except (FileNotFoundError, ProcessLookupError, KeyError) as error:  # zombies have no VmHWM
        raise InstanceDiedError(f"the guest's QEMU (process {pid}) is gone") from error
    return Usage(
        cpu_s=cpu_s,
        memory_current_bytes=rollup["Rss"],
        memory_working_set_bytes=rollup["Pss"],
        memory_anonymous_bytes=rollup["Pss_Anon"],
        memory_file_bytes=rollup["Pss_File"],
        memory_peak_bytes=peak_bytes,
        guest_used_bytes=guest_used_bytes(stats),
        source=SOURCE,
    )


def reset_peak(pid: int) -> bool:
    """Reset the peak to what is resident now; return False if the process is gone."""
    try:
        (PROC / str(pid) / "clear_refs").write_text(RESET_PEAK, encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True
