# SPDX-License-Identifier: Apache-2.0
"""Checks of what this process may do, and of the programs that a run needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from featherbench.inspection.check import Check, below_root
from featherbench.records.machine import Judgement
from featherbench.system import procfs, programs

if TYPE_CHECKING:
    from featherbench.inspection.check import CheckContext

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
"""The programs that a run needs, and the Debian package of each."""


def _missing_programs(context: CheckContext) -> tuple[str, ...]:
    return tuple(name for name in PACKAGES if programs.path_of(name, context.root) is None)


def _show_programs(missing: tuple[str, ...]) -> str:
    return f"{', '.join(missing)} not found" if missing else f"all {len(PACKAGES)} found"


def _packages_of(missing: tuple[str, ...]) -> str:
    return f"apt install {' '.join(sorted({PACKAGES[name] for name in missing}))}"


# namespaces, sysctls and control groups belong to root
ROOT = Check(
    name="root",
    read=lambda _context: os.geteuid(),
    is_bad=lambda user_id: user_id != 0,
    severity=Judgement.MISSING,
    show=lambda user_id: "yes" if user_id == 0 else f"no: user id {user_id}",
    advice="run it as root: sudo -E make all",
)
OPEN_FILES = Check(
    name="open files",
    read=below_root(procfs.open_file_limits),
    is_bad=lambda limits: limits[1] < ENOUGH_FILES,
    show=lambda limits: f"{limits[0]:,} now, {limits[1]:,} at most",
    advice=f"raise the hard limit: ulimit -Hn {ENOUGH_FILES}, or in /etc/security/limits.conf",
)
CONTROL_GROUPS = Check(
    name="control groups",
    read=lambda context: procfs.cgroup_version(context.root) or "",
    is_bad=lambda version: not version,
    severity=Judgement.MISSING,
    show=lambda version: version or "not mounted",
    advice="mount them: otherwise the memory and CPU time of an instance cannot be measured",
)
PROGRAMS = Check(
    name="programs",
    read=_missing_programs,
    is_bad=bool,
    severity=Judgement.MISSING,
    show=_show_programs,
    advice=_packages_of,
)
