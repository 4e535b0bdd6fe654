# SPDX-License-Identifier: Apache-2.0
"""Collects the record of the machine: `results/machine.json`."""

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from featherbench import registry
from featherbench.errors import FeatherbenchError
from featherbench.records.machine import CheckResult, MachineRecord
from featherbench.services import ping
from featherbench.system import procfs, subprocesses
from featherbench.system.fingerprint import ROOT, fingerprint
from featherbench.system.programs import Versions, parse_version
from featherbench.units import MIB

TOOL_TIMEOUT_S = 10.0


def parsed_programs() -> list[Versions]:
    """Return the programs that measure, with the versions that our parsers were tested with."""
    drivers = [registry.load("loadgens", name) for name in registry.driver_files("loadgens")]
    return [ping.VERSIONS, *(driver.versions for driver in drivers if driver.versions)]


TOOLS = {
    **{versions.ask[0]: versions.ask for versions in parsed_programs()},
    "ip": ("ip", "-V"),
    "iptables": ("iptables", "--version"),
    "mmdebstrap": ("mmdebstrap", "--version"),
    "gcc": ("gcc", "-dumpfullversion"),
    "dot": ("dot", "-V"),
}
"""How each program that measures or builds prints its version."""

LIBRARIES = (
    "snakemake", "pydantic", "pandas", "numpy", "scipy", "statsmodels", "plotnine", "matplotlib",
    "pyarrow", "docker", "pylxd", "libvirt-python", "zlib-ng", "Jinja2",
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
"""The sysctls that can change a result."""


def collect(
    *,
    checkout: Path,
    technologies: Mapping[str, Mapping[str, str]],
    findings: Sequence[CheckResult],
    root: Path = ROOT,
) -> MachineRecord:
    """Return the record. `checkout` is the folder of this workflow's git repository."""
    memory_bytes = procfs.memory_bytes(root)
    git_status = _git(checkout, "status", "--porcelain", "--untracked-files=no")
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
        sysctls=_known({name: procfs.sysctl(root, name) for name in SYSCTLS}),
        tools=_known({name: _tool_version(*argv) for name, argv in TOOLS.items()}),
        technologies={name: dict(facts) for name, facts in technologies.items()},
        python=platform.python_version(),
        libraries=_known({name: _library_version(name) for name in LIBRARIES}),
        git_commit=_git(checkout, "rev-parse", "HEAD"),
        git_dirty=None if git_status is None else git_status != "",
        findings=tuple(findings),
    )


def driver_facts(hypervisors: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Return, by driver, the facts of hypervisors and of technologies that can run here.

    `hypervisors` are their settings in the configuration, by name. Drivers without facts are left
    out. A daemon that does not answer is a fact as well.
    """
    asks: dict[str, Callable[[], Mapping[str, str]]] = {
        name: technology.facts
        for name in sorted(registry.driver_files("technologies"))
        if not (technology := registry.load("technologies", name)).missing_requirements()
    }
    for name in sorted(registry.driver_files("hypervisors")):
        hypervisor = registry.load("hypervisors", name)
        settings = hypervisor.Settings.model_validate(hypervisors.get(name, {}))
        asks[name] = partial(hypervisor.facts, settings)
    facts = {name: _facts_of(ask) for name, ask in asks.items()}
    return {name: answer for name, answer in facts.items() if answer}


def _facts_of(ask: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    try:
        return ask()
    except FeatherbenchError as error:
        return {"not available": error.message}


def _tool_version(*argv: str) -> str | None:
    with suppress(FeatherbenchError):
        done = subprocesses.run(argv, timeout_s=TOOL_TIMEOUT_S, check=False)
        if done.exit_status != 127:  # noqa: PLR2004 - setpriv's status for "not found", as a shell's
            return parse_version(done.stdout + done.stderr)
    return None


def _library_version(name: str) -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    return None


def _git(checkout: Path, *arguments: str) -> str | None:
    """Return what git says; None without a repository or git."""
    # git refuses to read a checkout of another user, and root measures the user's checkout
    argv = ("git", "-c", f"safe.directory={checkout.resolve()}", "-C", str(checkout), *arguments)
    with suppress(FeatherbenchError):
        done = subprocesses.run(argv, timeout_s=TOOL_TIMEOUT_S, check=False)
        return done.stdout.strip() if done.exit_status == 0 else None
    return None


def _known(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
