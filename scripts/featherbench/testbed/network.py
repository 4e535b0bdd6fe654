# SPDX-License-Identifier: Apache-2.0
"""The client's network namespace, and the link between it and this machine.

All addresses are from 198.18.0.0/15 (RFC 2544, benchmarking). Routes of last resort refuse the
testbed's subnets on this machine, and the whole range at the client, so that a packet for a bridge
that is gone cannot leave the machine. Others may use the rest of the range.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featherbench.errors import TestbedError
from featherbench.ownership import BENCHMARKING_NETWORK
from featherbench.records.base import Record
from featherbench.records.job_specs import TestbedSpec
from featherbench.system import iproute
from featherbench.system.processes import end, identity_of
from featherbench.testbed.state import State

NAMESPACE = "fb-client"
NAMESPACE_FILE = Path("/run/netns") / NAMESPACE
SERVER_INTERFACE = "fb-server0"
CLIENT_INTERFACE = "fb-client0"
ROUTE_PROTOCOL = 198
"""Marks our routes; see rtnetlink(7). Nobody has registered it."""
LAST_RESORT_METRIC = 65_000
SUBNETS = ("subnet", "container_subnet", "guest_subnet")
OUR_INTERFACES = (SERVER_INTERFACE, "fb-docker0", "fb-lxd0", "fb-guest")
"""How the interfaces begin that use these subnets for us."""
REFUSING = {"blackhole", "prohibit", "unreachable"}
"""Types of routes by which the addresses are not used: another program's last resort."""


def _last_resort(subnet: ipaddress.IPv4Network) -> str:
    return f"unreachable {subnet} metric {LAST_RESORT_METRIC} proto {ROUTE_PROTOCOL}"


@dataclass(frozen=True, kw_only=True)
class TestbedLink:
    """The addresses at the two ends of the link."""

    __test__ = False

    network: ipaddress.IPv4Network

    @property
    def server(self) -> str:
        """The server's side's address."""
        return str(self.network[1])

    @property
    def client(self) -> str:
        """The client's address."""
        return str(self.network[2])

    def with_prefix(self, address: str) -> str:
        """Return an address with the length of the network's prefix."""
        return f"{address}/{self.network.prefixlen}"

    @property
    def machine_steps(self) -> list[str]:
        """What `ip -batch` does on this machine, once the namespace exists."""
        return [
            f"link add {SERVER_INTERFACE} type veth peer name {CLIENT_INTERFACE} netns {NAMESPACE}",
            *iproute.without_ipv6_address(SERVER_INTERFACE),
            f"address add {self.with_prefix(self.server)} dev {SERVER_INTERFACE}",
            f"link set {SERVER_INTERFACE} up",
        ]

    @property
    def client_steps(self) -> list[str]:
        """What `ip -batch` does in the namespace."""
        return [
            "link set lo up",
            *iproute.without_ipv6_address(CLIENT_INTERFACE),
            f"address add {self.with_prefix(self.client)} dev {CLIENT_INTERFACE}",
            f"link set {CLIENT_INTERFACE} up",
            f"route add {BENCHMARKING_NETWORK} via {self.server} proto {ROUTE_PROTOCOL}",
            f"route add {_last_resort(BENCHMARKING_NETWORK)}",
        ]


class MadeNetwork(Record):
    """Records on disk that the network is this testbed's, before it is made."""

    subnet: str


def users_of(
    network: ipaddress.IPv4Network,
    addresses: Mapping[str, Sequence[ipaddress.IPv4Interface]],
    routes: Sequence[dict[str, Any]],
) -> list[str]:
    """Return who uses addresses of `network` and is not ours: interfaces, and `ip` routes.

    A route that is wider than the range for benchmarking is a default route, as VPNs have two of:
    ours are more specific.
    """
    used = [
        (name, address.network)
        for name, interface_addresses in addresses.items()
        for address in interface_addresses
        if not name.startswith(OUR_INTERFACES)
    ] + [
        (str(route.get("dev", "a route")), ipaddress.IPv4Network(route["dst"]))
        for route in routes
        if route["dst"] != "default"
        and route.get("type", "unicast") not in REFUSING
        and (route.get("table"), route.get("protocol")) != ("local", "kernel")  # of addresses
        and not str(route.get("dev", "")).startswith(OUR_INTERFACES)
        and ipaddress.IPv4Network(route["dst"]).prefixlen >= BENCHMARKING_NETWORK.prefixlen
    ]
    return sorted({f"{name} ({other})" for name, other in used if other.overlaps(network)})


def _subnets(spec: TestbedSpec) -> dict[str, ipaddress.IPv4Network]:
    """Return the subnets that a job uses, by their keys in the configuration."""
    keys = SUBNETS if spec.client == "netns" else SUBNETS[1:]
    used = {key: getattr(spec, key) for key in keys}
    return {key: ipaddress.IPv4Network(subnet) for key, subnet in used.items() if subnet}


def require_unused(spec: TestbedSpec) -> None:
    """Raise TestbedError if others use a subnet of the testbed, by a route of any table."""
    addresses = iproute.addresses()
    routes = iproute.query("-4", "route", "show", "table", "all")
    for key, subnet in _subnets(spec).items():
        if users := users_of(subnet, addresses, routes):
            raise TestbedError(
                f"testbed.{key}: {subnet} is already used by {', '.join(users)}",
                remedy=f"choose subnets of {BENCHMARKING_NETWORK} that nobody uses: "
                f"{', '.join(f'`testbed.{name}`' for name in SUBNETS)} move all our networks",
            )


def _require_way_to(link: TestbedLink) -> None:
    (way,) = iproute.query("-4", "route", "get", link.client) or [{}]
    if way.get("dev") != SERVER_INTERFACE:
        raise TestbedError(
            f"packets for {link.client} go to {way.get('dev', 'nowhere')}, not to"
            f" {SERVER_INTERFACE}: a rule of `ip rule` comes before the main table",
            remedy="have the program that made the rule (a VPN, a proxy) leave out"
            f" {BENCHMARKING_NETWORK}, or end it for the run",
        )


def _refuse(spec: TestbedSpec) -> None:
    """Refuse packets for the job's subnets that nothing takes; what is refused already stays so."""
    wanted, refused = _subnets(spec).values(), _routes()
    missing = [subnet for subnet in wanted if f"unreachable {subnet}" not in refused]
    iproute.batch([f"route replace {_last_resort(subnet)}" for subnet in missing])


def _has_address(interface: str, address: str, namespace: str = "") -> bool:
    up = iproute.addresses("up", namespace=namespace)
    return ipaddress.IPv4Interface(address) in up.get(interface, [])


def _routes(namespace: str = "") -> set[str]:
    """Return our routes: type, destination, and gateway if there is one."""
    return {
        f"{route.get('type', 'unicast')} {route['dst']} {route.get('gateway', '')}".strip()
        for route in iproute.own_routes(ROUTE_PROTOCOL, namespace=namespace)
    }


def _is_up(link: TestbedLink) -> bool:
    return (
        _has_address(SERVER_INTERFACE, link.with_prefix(link.server))
        and _has_address("lo", "127.0.0.1/8", NAMESPACE)
        and _has_address(CLIENT_INTERFACE, link.with_prefix(link.client), NAMESPACE)
        and {
            f"unreachable {BENCHMARKING_NETWORK}",
            f"unicast {BENCHMARKING_NETWORK} {link.server}",
        }
        <= _routes(NAMESPACE)
    )


def _link_exists() -> bool:
    # asked of `ip`: /sys may show the interfaces of another network namespace than ours
    return bool(iproute.query("link", "show", "dev", SERVER_INTERFACE))


def exists(state: State) -> bool:
    """Whether anything is left of a network that this testbed may remove.

    The names belong to root's testbed; another testbed must have made the network itself.
    """
    if not (state.is_system or state.network.exists()):
        return False
    return state.network.exists() or NAMESPACE_FILE.exists() or _link_exists() or bool(_routes())


def set_up(state: State, spec: TestbedSpec) -> TestbedLink:
    """Make the namespace, the link and the routes, unless they are there. Needs root.

    The subnets are of the benchmarking range. Raises TestbedError when one or the namespace's name
    is in use.
    """
    link = TestbedLink(network=ipaddress.IPv4Network(spec.subnet))
    if exists(state) and _is_up(link):
        _refuse(spec)
        return link
    if not exists(state) and NAMESPACE_FILE.exists():
        raise TestbedError(
            f"the network namespace {NAMESPACE} belongs to another testbed",
            remedy="let the other one end, or run `python -m featherbench clean`",
        )
    tear_down(state)
    require_unused(spec)
    state.make()
    MadeNetwork(subnet=spec.subnet).write(state.network)
    iproute.ip("netns", "add", NAMESPACE)
    iproute.batch(link.machine_steps)
    iproute.batch(link.client_steps, namespace=NAMESPACE)
    _refuse(spec)
    _require_way_to(link)
    if not _is_up(link):
        raise TestbedError(
            f"the network between {SERVER_INTERFACE} and {NAMESPACE} changed after it was made",
            remedy="see whether a network manager takes over interfaces named fb-*",
        )
    return link


def processes_inside() -> list[int]:
    """Return the pids of what runs in the client's namespace."""
    if not NAMESPACE_FILE.exists():
        return []
    return [int(pid) for pid in iproute.ip("netns", "pids", NAMESPACE, check=False).stdout.split()]


def tear_down(state: State) -> None:
    """Remove what `set_up` made, and nothing else; no error where it is gone already."""
    if not exists(state):
        return
    for process in filter(None, map(identity_of, processes_inside())):
        end(process, grace_s=2.0, what=f"process {process.pid} in {NAMESPACE}")
    if _link_exists():
        iproute.ip("link", "delete", SERVER_INTERFACE)
    if NAMESPACE_FILE.exists():
        iproute.ip("netns", "delete", NAMESPACE)
    for route in iproute.own_routes(ROUTE_PROTOCOL):
        iproute.delete_route(route, ROUTE_PROTOCOL)
    state.network.unlink(missing_ok=True)
