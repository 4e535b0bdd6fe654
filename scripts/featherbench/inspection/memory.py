# SPDX-License-Identifier: Apache-2.0
"""Properties of memory and storage: whether there is room, and what moves pages about."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from featherbench.inspection.check import MachineProperty, missing_if, noisy_if
from featherbench.system import procfs
from featherbench.units import GIB, MIB

if TYPE_CHECKING:
    from featherbench.inspection.check import Surroundings
    from featherbench.records.machine import Judgement

LEAST_MEMORY_BYTES = 1 * GIB
"""The root file system is built in memory-backed caches beside a Redis and an nginx."""

LEAST_DISK_BYTES = 2 * GIB
"""Root file system, native tree, images and tables of the default configuration, twice."""

DOCKER_SETTINGS = "etc/docker/daemon.json"
DOCKER_ROOT = "var/lib/docker"


class AvailableMemory(MachineProperty[tuple[int, int]]):
    """Memory that programs may still have."""

    name = "memory"
    advice = "free some, or use a machine with more: a run needs 1 GiB"

    def read(self, where: Surroundings) -> tuple[int, int] | None:
        """Read what is available, and all of it, in bytes."""
        available_bytes = procfs.memory_bytes(where.root, "MemAvailable")
        total_bytes = procfs.memory_bytes(where.root)
        if available_bytes is None or total_bytes is None:
            return None
        return available_bytes, total_bytes

    def judge(self, value: tuple[int, int]) -> Judgement:
        """Ask for enough."""
        return missing_if(value[0] < LEAST_MEMORY_BYTES)

    def show(self, value: tuple[int, int]) -> str:
        """Give both."""
        return f"{value[0] / GIB:.1f} GiB available of {value[1] / GIB:.1f} GiB"


class HugePages(MachineProperty[str]):
    """Transparent huge pages: given to everybody, they make memory use and latency jump."""

    name = "transparent huge pages"
    advice = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"

    def read(self, where: Surroundings) -> str | None:
        """Read the choice in force."""
        return procfs.transparent_huge_pages(where.root)

    def judge(self, value: str) -> Judgement:
        """Ask that only those get them who want them."""
        return noisy_if(value == "always")


class SamePageMerging(MachineProperty[bool]):
    """KSM: guests share equal pages, at the price of a scanning thread."""

    name = "KSM"
    advice = "echo 0 > /sys/kernel/mm/ksm/run"

    def read(self, where: Surroundings) -> bool | None:
        """Read whether it runs."""
        return procfs.same_page_merging(where.root)

    def judge(self, value: bool) -> Judgement:  # noqa: FBT001 - the contract's
        """Ask for off."""
        return noisy_if(value)

    def show(self, value: bool) -> str:  # noqa: FBT001 - the contract's
        """Say on or off."""
        return "on" if value else "off"


class Swap(MachineProperty[int]):
    """Swap that is in use: pages under test may have to come back from a disk."""

    name = "swap in use"
    advice = "close what takes the memory, then swapoff -a for the run"

    def read(self, where: Surroundings) -> int | None:
        """Read how much, in bytes."""
        return procfs.swap_used_bytes(where.root)

    def judge(self, value: int) -> Judgement:
        """Ask for none."""
        return noisy_if(value > 0)

    def show(self, value: int) -> str:
        """Give MiB."""
        return f"{value / MIB:,.0f} MiB" if value else "none"


class DiskSpace(MachineProperty[tuple[Path, int]]):
    """Room on the file system that a folder is, or will be, on."""

    advice: ClassVar[str] = ""

    def judge(self, value: tuple[Path, int]) -> Judgement:
        """Ask for enough."""
        return missing_if(value[1] < LEAST_DISK_BYTES)

    def show(self, value: tuple[Path, int]) -> str:
        """Give GiB."""
        return f"{value[1] / GIB:.1f} GiB free for {value[0]}"

    def advise(self, value: tuple[Path, int]) -> str:
        """Name the folder."""
        return f"make room: {value[0]} needs {LEAST_DISK_BYTES / GIB:.0f} GiB"


class ResultsSpace(DiskSpace):
    """Room for the results."""

    name = "disk for results"

    def read(self, where: Surroundings) -> tuple[Path, int] | None:
        """Measure the free bytes."""
        return free_bytes(where.results)


class DockerSpace(DiskSpace):
    """Room for Docker's images and containers."""

    name = "disk for Docker"

    def read(self, where: Surroundings) -> tuple[Path, int] | None:
        """Measure the free bytes; nothing where Docker has no folder."""
        folder = docker_root(where.root)
        return free_bytes(folder) if folder.exists() else None


def docker_root(root: Path) -> Path:
    """Give Docker's folder, as its settings name it."""
    settings = procfs.text(root, DOCKER_SETTINGS)
    try:
        return Path(json.loads(settings or "{}")["data-root"])
    except (ValueError, KeyError, TypeError):
        return root / DOCKER_ROOT


def free_bytes(folder: Path) -> tuple[Path, int] | None:
    """Give a folder and the bytes that are free for it; it need not exist yet."""
    absolute = folder.absolute()
    existing = next(path for path in (absolute, *absolute.parents) if path.exists())
    return folder, shutil.disk_usage(existing).free
