# SPDX-License-Identifier: Apache-2.0
"""The client's network namespace, and the one cable between it and this machine.

All addresses are from 198.18.0.0/15 (RFC 2544, benchmarking). Both sides have a route of last
resort that refuses this range, so that a packet for a bridge that is gone cannot stray.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench.errors import TestbedError
from featherbench.records.base import Record
from featherbench.system import subprocesses
from featherbench.system.processes import end, identity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.testbed.state import State

NAMESPACE = "fb-client"
NAMESPACE_FILE = Path("/run/netns") / NAMESPACE
SERVER_LINK = "fb-server0"
CLIENT_LINK = "fb-client0"
RANGE = ipaddress.IPv4Network("198.18.0.0/15")
ROUTE_PROTOCOL = 198
"""Marks our routes; see rtnetlink(7). Nobody has registered it."""
LAST_RESORT_METRIC = 65_000
REFUSING = {"blackhole", "prohibit", "unreachable"}
"""Types of routes by which nobody uses the addresses: somebody else's backstop."""
TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Cable:
    """The addresses at the two ends."""

    network: ipaddress.IPv4Network

    @property
    def server(self) -> str:
        """The server's side's address."""
        return str(self.network[1])

    @property
    def client(self) -> str:
        """The client's address."""
        return str(self.network[2])

    def _with_prefix(self, address: str) -> str:
        return f"{address}/{self.network.prefixlen}"

    @property
    def machine_steps(self) -> list[str]:
        """What `ip -batch` does on this machine, once the namespace is there."""
        return [
            f"link add {SERVER_LINK} type veth peer name {CLIENT_LINK} netns {NAMESPACE}",
            f"link set {SERVER_LINK} addrgenmode none",
            f"address add {self._with_prefix(self.server)} dev {SERVER_LINK}",
            f"link set {SERVER_LINK} up",
            f"route replace {_last_resort()}",
        ]

    @property
    def client_steps(self) -> list[str]:
        """What `ip -batch` does in the namespace."""
        return [
            "link set lo up",
            f"link set {CLIENT_LINK} addrgenmode none",
            f"address add {self._with_prefix(self.client)} dev {CLIENT_LINK}",
            f"link set {CLIENT_LINK} up",
            f"route add {RANGE} via {self.server} proto {ROUTE_PROTOCOL}",
            f"route add {_last_resort()}",
        ]


class MadeNetwork(Record):
    """Says on disk that the network is this testbed's, before it is made."""

    subnet: str


def _last_resort() -> str:
    return f"unreachable {RANGE} metric {LAST_RESORT_METRIC} proto {ROUTE_PROTOCOL}"


def cable(subnet: str) -> Cable:
    """Lay out a subnet. Raises TestbedError when it is not one of the benchmarking range."""
    try:
        network = ipaddress.IPv4Network(subnet)
    except ValueError as wrong:
        raise TestbedError(
            f"testbed.subnet: {wrong}", remedy="write it as 198.18.0.0/24"
        ) from wrong
    if not network.subnet_of(RANGE) or network.prefixlen > 30:  # noqa: PLR2004 - /30 has two hosts
        raise TestbedError(
            f"testbed.subnet: {subnet} is not a subnet of {RANGE} with two addresses",
            remedy="write it as 198.18.0.0/24",
        )
    return Cable(network=network)


def _ip(*arguments: str, check: bool = True) -> subprocesses.Completed:
    return subprocesses.run(["ip", *arguments], timeout_s=TIMEOUT_S, check=check)


def _ip_json(*arguments: str) -> list[dict[str, Any]]:
    done = _ip("-json", *arguments, check=False)
    if done.exit_status != 0 or not done.stdout.strip():
        return []
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _batch(steps: Sequence[str], *options: str) -> None:
    subprocesses.run(
        ["ip", *options, "-batch", "-"], timeout_s=TIMEOUT_S, stdin="\n".join(steps) + "\n"
    )


def _networks(
    addresses: Sequence[dict[str, Any]], routes: Sequence[dict[str, Any]]
) -> list[tuple[str, ipaddress.IPv4Network]]:
    """Pair what others' interfaces and routes cover with the name of who covers it."""
    found = [
        (link["ifname"], ipaddress.IPv4Network(f"{a['local']}/{a['prefixlen']}", strict=False))
        for link in addresses
        for a in link.get("addr_info", ())
        if link["ifname"] != SERVER_LINK
    ]
    return found + [
        (str(route.get("dev", "a route")), ipaddress.IPv4Network(route["dst"]))
        for route in routes
        if route["dst"] != "default"
        and route.get("type", "unicast") not in REFUSING
        and str(route.get("protocol")) != str(ROUTE_PROTOCOL)
        and route.get("dev") != SERVER_LINK
    ]


def users_of(
    network: ipaddress.IPv4Network,
    addresses: Sequence[dict[str, Any]],
    routes: Sequence[dict[str, Any]],
) -> list[str]:
    """Name what overlaps `network` and is not ours, from `ip -json -4 address` and `route`."""
    return sorted(
        {
            f"{name} ({other})"
            for name, other in _networks(addresses, routes)
            if other.overlaps(network)
        }
    )


def _refuse_if_used(network: ipaddress.IPv4Network) -> None:
    others = users_of(network, _ip_json("-4", "address", "show"), _ip_json("-4", "route", "show"))
    if others:
        raise TestbedError(
            f"testbed.subnet: {network} is already used by {', '.join(others)}",
            remedy=f"choose another subnet of {RANGE} in `testbed.subnet`",
        )


def _addresses(*namespace: str) -> set[str]:
    links = _ip_json(*namespace, "-4", "address", "show", "up")
    return {
        f"{link['ifname']} {a['local']}/{a['prefixlen']}"
        for link in links
        for a in link.get("addr_info", ())  # iproute2 gives {} for links that it filters out
    }


def _routes(*namespace: str) -> set[str]:
    found = _ip_json(*namespace, "-4", "route", "show", "proto", str(ROUTE_PROTOCOL))
    return {
        f"{route.get('type', 'unicast')} {route['dst']} {route.get('gateway', '')}".strip()
        for route in found
    }


def _is_up(wanted: Cable) -> bool:
    in_client = ("-n", NAMESPACE)
    prefix = wanted.network.prefixlen
    barrier = f"unreachable {RANGE}"
    return (
        f"{SERVER_LINK} {wanted.server}/{prefix}" in _addresses()
        and barrier in _routes()
        and {"lo 127.0.0.1/8", f"{CLIENT_LINK} {wanted.client}/{prefix}"} <= _addresses(*in_client)
        and {barrier, f"unicast {RANGE} {wanted.server}"} <= _routes(*in_client)
    )


def _link_exists() -> bool:
    return bool(_ip_json("link", "show", "dev", SERVER_LINK))


def exists(state: State) -> bool:
    """Whether there is anything left of a network that this testbed may remove.

    The names are root's testbed's own; another testbed must have made the network itself.
    """
    if not (state.is_system or state.network.exists()):
        return False
    return state.network.exists() or NAMESPACE_FILE.exists() or _link_exists() or bool(_routes())


def set_up(state: State, subnet: str) -> Cable:
    """Make the namespace, the cable and the routes, unless they are there. Needs root.

    Raises TestbedError when somebody else uses the subnet or the namespace's name.
    """
    wanted = cable(subnet)
    if exists(state) and _is_up(wanted):
        return wanted
    if not exists(state) and NAMESPACE_FILE.exists():
        raise TestbedError(
            f"the network namespace {NAMESPACE} is another testbed's",
            remedy="let the other one end, or run `python -m featherbench clean`",
        )
    tear_down(state)
    _refuse_if_used(wanted.network)
    state.make()
    MadeNetwork(subnet=subnet).write(state.network)
    _ip("netns", "add", NAMESPACE)
    _batch(wanted.machine_steps)
    _batch(wanted.client_steps, "-n", NAMESPACE)
    if not _is_up(wanted):
        raise TestbedError(
            f"the network between {SERVER_LINK} and {NAMESPACE} is not as it was made",
            remedy="see whether a network manager takes over interfaces named fb-*",
        )
    return wanted


def processes_inside() -> list[int]:
    """Give the pids of what runs in the client's namespace."""
    if not NAMESPACE_FILE.exists():
        return []
    return [int(pid) for pid in _ip("netns", "pids", NAMESPACE, check=False).stdout.split()]


def _end_processes_inside() -> None:
    for pid in processes_inside():
        if process := identity_of(pid):
            end(process, grace_s=2.0, what=f"process {pid} in {NAMESPACE}")


def tear_down(state: State) -> None:
    """Remove what `set_up` made, and nothing else; no error where it is gone already."""
    if not exists(state):
        return
    _end_processes_inside()
    if _link_exists():
        _ip("link", "delete", SERVER_LINK)
    if NAMESPACE_FILE.exists():
        _ip("netns", "delete", NAMESPACE)
    if _routes():
        _ip("route", "flush", "proto", str(ROUTE_PROTOCOL))
    state.network.unlink(missing_ok=True)
