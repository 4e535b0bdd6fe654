# SPDX-License-Identifier: Apache-2.0
"""Checks of memory and storage: whether there is room, and what moves pages about."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.inspection.check import Check, below_root, on_or_off
from featherbench.records.machine import Judgement
from featherbench.system import procfs
from featherbench.units import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from featherbench.inspection.check import CheckContext

LEAST_MEMORY_BYTES = 1 * GIB
"""The root file system is built in memory-backed caches beside a Redis and an nginx."""

LEAST_DISK_BYTES = 2 * GIB
"""Root file system, native tree, images and tables of the default configuration, twice."""

DOCKER_SETTINGS = "etc/docker/daemon.json"
DOCKER_ROOT = "var/lib/docker"


def _available_and_total_bytes(context: CheckContext) -> tuple[int, int] | None:
    available_bytes = procfs.memory_bytes(context.root, "MemAvailable")
    total_bytes = procfs.memory_bytes(context.root)
    if available_bytes is None or total_bytes is None:
        return None
    return available_bytes, total_bytes


def docker_root(root: Path) -> Path:
    """Return Docker's folder, as its settings name it."""
    settings = procfs.text(root, DOCKER_SETTINGS)
    try:
        return Path(json.loads(settings or "{}")["data-root"])
    except (ValueError, KeyError, TypeError):
        return root / DOCKER_ROOT


def free_bytes(folder: Path) -> tuple[Path, int]:
    """Return a folder, and the bytes that are free for it; it need not exist yet."""
    absolute = folder.absolute()
    existing = next(path for path in (absolute, *absolute.parents) if path.exists())
    return folder, shutil.disk_usage(existing).free


def _docker_space(context: CheckContext) -> tuple[Path, int] | None:
    folder = docker_root(context.root)
    return free_bytes(folder) if folder.exists() else None


def _disk_space(
    name: str, read: Callable[[CheckContext], tuple[Path, int] | None]
) -> Check[tuple[Path, int]]:
    """Check the room on the file system of a folder."""
    return Check(
        name=name,
        read=read,
        is_bad=lambda space: space[1] < LEAST_DISK_BYTES,
        severity=Judgement.MISSING,
        show=lambda space: f"{space[1] / GIB:.1f} GiB free for {space[0]}",
        advice=lambda space: f"make room: {space[0]} needs {LEAST_DISK_BYTES / GIB:.0f} GiB",
    )


AVAILABLE_MEMORY = Check(
    name="memory",
    read=_available_and_total_bytes,
    is_bad=lambda memory: memory[0] < LEAST_MEMORY_BYTES,
    severity=Judgement.MISSING,
    show=lambda memory: f"{memory[0] / GIB:.1f} GiB available of {memory[1] / GIB:.1f} GiB",
    advice="free some, or use a machine with more: a run needs 1 GiB",
)
# given to every program, they make memory use and latency jump
HUGE_PAGES = Check(
    name="transparent huge pages",
    read=below_root(procfs.transparent_huge_pages),
    is_bad=lambda choice: choice == "always",
    advice="echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
)
# guests share equal pages, but a thread has to scan for them
SAME_PAGE_MERGING = Check(
    name="KSM",
    read=below_root(procfs.same_page_merging),
    is_bad=bool,
    show=on_or_off,
    advice="echo 0 > /sys/kernel/mm/ksm/run",
)
# pages under test may have to come back from a disk
SWAP = Check(
    name="swap in use",
    read=below_root(procfs.swap_used_bytes),
    is_bad=lambda used_bytes: used_bytes > 0,
    show=lambda used_bytes: f"{used_bytes / MIB:,.0f} MiB" if used_bytes else "none",
    advice="close what takes the memory, then swapoff -a for the run",
)
RESULTS_SPACE = _disk_space("disk for results", lambda context: free_bytes(context.results))
DOCKER_SPACE = _disk_space("disk for Docker", _docker_space)
