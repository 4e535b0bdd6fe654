# SPDX-License-Identifier: Apache-2.0
"""Checks of network, disks, privileges and programs, after those of the hardware."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from featherbench.inspection import hardware
from featherbench.inspection.check import Check, listed, on_or_off
from featherbench.inspection.collect import parsed_programs
from featherbench.records.machine import CheckResult, Judgement
from featherbench.services.launcher import PORTS
from featherbench.system import procfs, programs
from featherbench.units import GIB

ROOT, ADDRESS, RESULTS = Path("/"), "198.18.0.1", Path("results")
ENGINES = {"docker.sock": "running", "podman.sock": "Podman in its place"}
"""The names of sockets, and what it means that something listens there."""
DOCKER_SETTINGS = "etc/docker/daemon.json"
DOCKER_ROOT = "var/lib/docker"
LEAST_DISK_BYTES = 2 * GIB
"""Root file system, native tree, images and tables of the default configuration, twice."""
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


def _free_ports(address: str) -> Check[frozenset[int]]:
    """Check that nothing listens on our ports at the server's address."""
    ours = frozenset(PORTS.values())

    def show(taken: frozenset[int]) -> str:
        states = {"free": ours - taken, "taken": taken}
        return f"{address}: " + ", ".join(
            f"{listed(ports)} {state}" for state, ports in states.items() if ports
        )

    return Check(
        name="free ports",
        read=lambda root: procfs.listening_ports(root, address) & ours,
        is_bad=bool,
        severity=Judgement.MISSING,
        show=show,
        advice=lambda taken: (
            f"end what listens on {listed(taken)}: `ss -ltnp` names it; if it is a leftover,"
            " `python -m featherbench clean` ends it"
        ),
    )


def _is_on(sysctl: str) -> Callable[[Path], bool]:
    """Return a reader of a switch; an absent one is off: its module is not loaded."""
    return lambda root: procfs.sysctl(root, sysctl) == "1"


def _docker_state(root: Path) -> str:
    listening = procfs.listening_sockets(root)
    for name, state in ENGINES.items():
        if socket := next((path for path in listening if path.endswith(f"/{name}")), None):
            return f"{state}, at {socket}"
    installed = programs.path_of("dockerd", root) is not None
    return "installed, not running" if installed else "not installed"


def docker_root(root: Path) -> Path:
    """Return Docker's folder, as its settings name it."""
    settings = procfs.text(root, DOCKER_SETTINGS)
    try:
        return Path(json.loads(settings or "{}")["data-root"])
    except (ValueError, KeyError, TypeError):
        return root / DOCKER_ROOT


def _disk_space(name: str, folder_below: Callable[[Path], Path | None]) -> Check[tuple[Path, int]]:
    """Check the room on the file system of a folder, which need not exist yet."""

    def free_bytes(root: Path) -> tuple[Path, int] | None:
        folder = folder_below(root)
        if folder is None:
            return None
        absolute = folder.absolute()
        existing = next(path for path in (absolute, *absolute.parents) if path.exists())
        return folder, shutil.disk_usage(existing).free

    return Check(
        name=name,
        read=free_bytes,
        is_bad=lambda space: space[1] < LEAST_DISK_BYTES,
        severity=Judgement.MISSING,
        show=lambda space: f"{space[1] / GIB:.1f} GiB free for {space[0]}",
        advice=lambda space: f"make room: {space[0]} needs {LEAST_DISK_BYTES / GIB:.0f} GiB",
    )


def _docker_folder(root: Path) -> Path | None:
    folder = docker_root(root)
    return folder if folder.exists() else None


NETWORK: tuple[Check[Any], ...] = (
    # recorded only: Docker switches it on, and nothing else needs it
    Check(name="IP forwarding", read=_is_on("net.ipv4.ip_forward"), show=on_or_off),
    Check(
        name="bridge-nf-call-iptables",
        read=_is_on("net.bridge.bridge-nf-call-iptables"),
        is_bad=bool,
        show=on_or_off,
        advice="Docker switches it on: iptables slows every bridged packet; the record notes it",
    ),
    Check(
        name="connection tracking",
        # its sysctls exist only while it is loaded
        read=lambda root: procfs.sysctl(root, "net.netfilter.nf_conntrack_max") is not None,
        is_bad=bool,
        show=lambda loaded: "loaded" if loaded else "not loaded",
        advice="comes with NAT, that is, with Docker; it slows the native baseline as well",
    ),
    Check(
        name="Docker",
        read=_docker_state,
        is_bad=lambda state: " at " in state,
        advice="its bridge and firewall rules are in the baseline's path; the record notes it",
    ),
)
PRIVILEGES: tuple[Check[Any], ...] = (
    # namespaces, sysctls and control groups belong to root
    Check(
        name="root",
        read=lambda _root: "; ".join(lack.what for lack in programs.missing_root()),
        is_bad=bool,
        severity=Judgement.MISSING,
        show=lambda lacking: f"no: {lacking}" if lacking else "yes",
        advice="run it as root, on the machine itself or in a container with `--privileged`",
    ),
    Check(
        name="open files",
        read=procfs.open_file_limits,
        is_bad=lambda limits: (
            limits[1] < ENOUGH_FILES and "CAP_SYS_RESOURCE" not in procfs.capabilities(ROOT)
        ),
        severity=Judgement.MISSING,
        show=lambda limits: f"{limits[0]:,} now, {limits[1]:,} at most",
        advice=f"raise the hard limit: ulimit -Hn {ENOUGH_FILES}, or in /etc/security/limits.conf",
    ),
    Check(
        name="control groups",
        read=lambda root: procfs.cgroup_version(root) or "",
        is_bad=lambda version: not version,
        severity=Judgement.MISSING,
        show=lambda version: version or "not mounted",
        advice="mount them: otherwise the memory and CPU time of an instance cannot be measured",
    ),
)
PROGRAMS = Check[tuple[str, ...]](
    name="programs",
    read=lambda root: tuple(name for name in PACKAGES if programs.path_of(name, root) is None),
    is_bad=bool,
    severity=Judgement.MISSING,
    show=lambda missing: (
        f"{', '.join(missing)} not found" if missing else f"all {len(PACKAGES)} found"
    ),
    advice=lambda missing: f"apt install {' '.join(sorted({PACKAGES[name] for name in missing}))}",
)
TESTED = Check[tuple[str, ...]](
    name="tested versions",
    read=lambda root: (
        tuple(filter(None, (each.untested() for each in parsed_programs())))
        if root == ROOT
        else None
    ),
    is_bad=bool,
    show=lambda untested: "; ".join(untested) or "all that measure",
    advice="their output may be read wrongly: compare a window's record with what they print",
)


def check_machine(
    root: Path = ROOT, address: str = ADDRESS, results: Path = RESULTS
) -> tuple[CheckResult, ...]:
    """Run all checks, with the server's address and the results' folder.

    Takes half a second, in which the steal time is sampled.
    """
    checks = (
        *hardware.CHECKS,
        _free_ports(address),
        *NETWORK,
        _disk_space("disk for results", lambda _root: results),
        _disk_space("disk for Docker", _docker_folder),
        *PRIVILEGES,
        PROGRAMS,
        TESTED,
    )
    return tuple(check.run(root) for check in checks)
