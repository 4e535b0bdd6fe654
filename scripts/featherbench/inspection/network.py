# SPDX-License-Identifier: Apache-2.0
"""Checks of what is in the path of a packet, and whether the services' ports are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.inspection.check import Check, on_or_off
from featherbench.records.machine import Judgement
from featherbench.services.launcher import PORTS
from featherbench.system import procfs, programs

if TYPE_CHECKING:
    from collections.abc import Callable

    from featherbench.inspection.check import CheckContext

SOCKETS = ("run/docker.sock", "var/run/docker.sock")


def _taken_ports(context: CheckContext) -> tuple[str, frozenset[int]]:
    """Return the server's address, and those of our ports on which something listens there."""
    listening = procfs.listening_ports(context.root, context.address)
    return context.address, listening & frozenset(PORTS.values())


def _show_ports(taken: tuple[str, frozenset[int]]) -> str:
    address, ports = taken
    states = {"free": frozenset(PORTS.values()) - ports, "taken": ports}
    return f"{address}: " + ", ".join(
        f"{', '.join(map(str, sorted(those)))} {state}" for state, those in states.items() if those
    )


def _advise_ports(taken: tuple[str, frozenset[int]]) -> str:
    ports = ", ".join(map(str, sorted(taken[1])))
    return (
        f"end what listens on {ports}: `ss -ltnp` names it; if it is a leftover,"
        " `python -m featherbench clean` ends it"
    )


def _is_on(sysctl: str) -> Callable[[CheckContext], bool]:
    """Return a reader of a switch; an absent one is off: its module is not loaded."""
    return lambda context: procfs.sysctl(context.root, sysctl) == "1"


def _docker_state(context: CheckContext) -> str:
    if any((context.root / socket).exists() for socket in SOCKETS):
        return "running"
    installed = programs.path_of("dockerd", context.root) is not None
    return "installed, not running" if installed else "not installed"


FREE_PORTS = Check(
    name="free ports",
    read=_taken_ports,
    is_bad=lambda taken: bool(taken[1]),
    severity=Judgement.MISSING,
    show=_show_ports,
    advice=_advise_ports,
)
# recorded only: Docker switches it on, and nothing else needs it
FORWARDING = Check(name="IP forwarding", read=_is_on("net.ipv4.ip_forward"), show=on_or_off)
BRIDGE_FILTERING = Check(
    name="bridge-nf-call-iptables",
    read=_is_on("net.bridge.bridge-nf-call-iptables"),
    is_bad=bool,
    show=on_or_off,
    advice="Docker switches it on: iptables slows every bridged packet; the record notes it",
)
CONNECTION_TRACKING = Check(
    name="connection tracking",
    # its sysctls exist only while it is loaded
    read=lambda context: procfs.sysctl(context.root, "net.netfilter.nf_conntrack_max") is not None,
    is_bad=bool,
    show=lambda loaded: "loaded" if loaded else "not loaded",
    advice="comes with NAT, that is, with Docker; it slows the native baseline as well",
)
DOCKER_STATE = Check(
    name="Docker",
    read=_docker_state,
    is_bad=lambda state: state == "running",
    advice="its bridge and firewall rules are in the baseline's path; the record notes it",
)
