# SPDX-License-Identifier: Apache-2.0
"""What this process may do, and which programs it will find."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.inspection.check import MachineProperty, missing_if, noisy_if
from featherbench.system import procfs, programs

if TYPE_CHECKING:
    from featherbench.inspection.check import Surroundings
    from featherbench.records.machine import Judgement

ENOUGH_FILES = 20_000
"""The paper's limit of open files, Table 3."""

PACKAGES = {
    "curl": "curl",
    "dot": "graphviz",
    "gcc": "gcc",
    "h2load": "nghttp2-client",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "nsenter": "util-linux",
    "ping": "iputils-ping",
    "prlimit": "util-linux",
    "redis-benchmark": "redis-tools",
    "redis-cli": "redis-tools",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "taskset": "util-linux",
    "unshare": "util-linux",
    "wrk": "wrk",
}
"""The programs that a run needs, and the Debian package that has each."""


class RootArchive(MachineProperty[int]):
    """Namespaces, sysctls and control groups belong to root."""

    name = "root"
    advice = "run it as root: sudo -E make all"

    def read(self, where: Surroundings) -> int | None:  # noqa: ARG002 - a process has one user
        """Give the effective user id."""
        return os.geteuid()

    def judge(self, value: int) -> Judgement:
        """Ask for root."""
        return missing_if(value != 0)

    def show(self, value: int) -> str:
        """Say yes or no."""
        return "yes" if value == 0 else f"no: user id {value}"


class OpenFiles(MachineProperty[tuple[int, int]]):
    """How many connections a process may hold."""

    name = "open files"
    advice = f"raise the hard limit: ulimit -Hn {ENOUGH_FILES}, or in /etc/security/limits.conf"

    def read(self, where: Surroundings) -> tuple[int, int] | None:
        """Read this process's limits."""
        return procfs.open_file_limits(where.root)

    def judge(self, value: tuple[int, int]) -> Judgement:
        """Ask that the limit may be raised to the paper's."""
        return noisy_if(value[1] < ENOUGH_FILES)

    def show(self, value: tuple[int, int]) -> str:
        """Give both."""
        return f"{value[0]:,} now, {value[1]:,} at most"


class ControlGroups(MachineProperty[str]):
    """What accounts memory and CPU time."""

    name = "control groups"
    advice = "mount them: without, neither memory nor CPU time of an instance can be told"

    def read(self, where: Surroundings) -> str | None:
        """Read the version; an empty one where none is mounted."""
        return procfs.cgroup_version(where.root) or ""

    def judge(self, value: str) -> Judgement:
        """Ask for either."""
        return missing_if(not value)

    def show(self, value: str) -> str:
        """Name the version."""
        return value or "not mounted"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The programs that a run needs: how many there are, and which are not."""

    present: int
    absent: tuple[str, ...]


class Programs(MachineProperty[Found]):
    """The programs that a run needs."""

    name = "programs"
    advice = ""

    def read(self, where: Surroundings) -> Found | None:
        """Look for each of them."""
        absent = tuple(name for name in PACKAGES if programs.path_of(name, where.root) is None)
        return Found(present=len(PACKAGES) - len(absent), absent=absent)

    def judge(self, value: Found) -> Judgement:
        """Ask for all."""
        return missing_if(bool(value.absent))

    def show(self, value: Found) -> str:
        """Name those that are not there."""
        if value.absent:
            return f"{', '.join(value.absent)} not found"
        return f"all {value.present} found"

    def advise(self, value: Found) -> str:
        """Name the packages that have them."""
        packages = sorted({PACKAGES[name] for name in value.absent})
        return f"apt install {' '.join(packages)}"
