# SPDX-License-Identifier: Apache-2.0
"""What is recorded about the machine: `results/machine.json`."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from featherbench.errors import FeatherbenchError
from featherbench.records.machine import Finding, MachineRecord
from featherbench.system import procfs, subprocesses
from featherbench.system.fingerprint import ROOT, fingerprint
from featherbench.units import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TOOL_TIMEOUT_S = 10.0
TOOLS = {
    "wrk": ("wrk", "-v"),
    "h2load": ("h2load", "--version"),
    "redis-benchmark": ("redis-benchmark", "--version"),
    "ping": ("ping", "-V"),
    "ip": ("ip", "-V"),
    "iptables": ("iptables", "--version"),
    "mmdebstrap": ("mmdebstrap", "--version"),
    "gcc": ("gcc", "-dumpfullversion"),
    "dot": ("dot", "-V"),
}
"""How each program that makes or carries the numbers tells its version."""

LIBRARIES = (
    "snakemake", "pydantic", "pandas", "numpy", "scipy", "statsmodels", "plotnine", "matplotlib",
    "pyarrow", "docker", "pyroute2", "Jinja2",
)  # fmt: skip
SYSCTLS = (
    "fs.file-max", "kernel.numa_balancing", "kernel.sched_autogroup_enabled",
    "net.bridge.bridge-nf-call-iptables", "net.core.default_qdisc", "net.core.rmem_max",
    "net.core.somaxconn", "net.core.wmem_max", "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range", "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_tw_reuse", "net.netfilter.nf_conntrack_max", "vm.overcommit_memory",
    "vm.swappiness",
)  # fmt: skip
"""The sysctls that can change a number here."""


def collect(
    *,
    checkout: Path,
    technologies: Mapping[str, Mapping[str, str]],
    findings: Sequence[Finding],
    root: Path = ROOT,
) -> MachineRecord:
    """Read the whole record. `checkout` is the folder of this workflow's git repository."""
    memory_bytes = procfs.memory_bytes(root)
    return MachineRecord(
        fingerprint=fingerprint(root),
        recorded_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu_model=procfs.cpu_model(root),
        cpu_count=procfs.cpu_count(root),
        microcode=procfs.microcode(root),
        governors=procfs.governors(root),
        turbo=procfs.turbo(root),
        smt=procfs.smt(root),
        idle_states_us=procfs.idle_states_us(root),
        mitigations=procfs.mitigations(root),
        memory_mib=None if memory_bytes is None else memory_bytes // MIB,
        transparent_huge_pages=procfs.transparent_huge_pages(root),
        clock_source=procfs.clock_source(root),
        virtualization=procfs.virtualization(root),
        operating_system=procfs.operating_system(root),
        kernel=procfs.kernel_release(root),
        cgroup_version=procfs.cgroup_version(root),
        sysctls=sysctls(root),
        tools=tool_versions(),
        technologies={name: dict(facts) for name, facts in technologies.items()},
        python=platform.python_version(),
        libraries=library_versions(),
        git_commit=git_commit(checkout),
        git_dirty=git_dirty(checkout),
        findings=tuple(findings),
    )


def sysctls(root: Path = ROOT) -> dict[str, str]:
    """Give the sysctls that can change a number, as far as this kernel has them."""
    found = {name: procfs.sysctl(root, name) for name in SYSCTLS}
    return {name: value for name, value in found.items() if value is not None}


def parse_version(output: str) -> str | None:
    """Give the version in what a program prints: its first dotted number, or date."""
    found = re.search(r"\d+\.\d[\w.+~-]*|\bs?\d{8}\b", output)
    return found[0] if found else None


def tool_versions() -> dict[str, str]:
    """Map the tools that are there to their versions."""
    found = {name: _tool_version(argv) for name, argv in TOOLS.items()}
    return {name: version for name, version in found.items() if version is not None}


def _tool_version(argv: Sequence[str]) -> str | None:
    try:
        done = subprocesses.run(argv, timeout_s=TOOL_TIMEOUT_S, check=False)
    except FeatherbenchError:
        return None
    if done.exit_status == 127:  # noqa: PLR2004 - what setpriv, like a shell, says for "not found"
        return None
    return parse_version(done.stdout + done.stderr)


def library_versions() -> dict[str, str]:
    """Map the libraries that make the numbers to their versions."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit(checkout: Path) -> str | None:
    """Give the commit that is checked out; None where there is no repository or no git."""
    return _git(checkout, "rev-parse", "HEAD")


def git_dirty(checkout: Path) -> bool | None:
    """Tell whether tracked files differ from the commit."""
    status = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    return None if status is None else status != ""


def _git(checkout: Path, *arguments: str) -> str | None:
    # a checkout that belongs to the user is measured by root, which git would refuse to read
    argv = ("git", "-c", f"safe.directory={checkout.resolve()}", "-C", str(checkout), *arguments)
    try:
        done = subprocesses.run(argv, timeout_s=TOOL_TIMEOUT_S, check=False)
    except FeatherbenchError:
        return None
    return done.stdout.strip() if done.exit_status == 0 else None
