# SPDX-License-Identifier: Apache-2.0
"""The bridge that a testbed's guests are on, and the way from the client to it.

A route of last resort refuses the guests' whole subnet, so that nothing for a guest strays when the
bridge is gone. Each testbed has a bridge of its own, that says whose it is.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, FeatherbenchError, InstanceDiedError, TestbedError
from featherbench.system import firewall, iproute, subprocesses
from featherbench.vm.network.addresses import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.vm.network.addresses import Layout

PREFIX = "fb-guest"
NAMES = tuple(f"{PREFIX}{number}" for number in range(32))
ROUTE_PROTOCOL = 199
"""Marks the routes of guests; another than the testbed's own, which go when its network does."""
LAST_RESORT_METRIC = 65_001
TIMEOUT_S = 10.0
CONNECT_WITHIN_S = 1.0


def owners() -> dict[str, str]:
    """Map our bridges to the Placement.state that each was made for."""
    return iproute.labelled(f"{PREFIX}*")


def of(state: str) -> str:
    """Name the bridge of the testbed with that state. Raises InstanceDiedError without one."""
    for name, owner in owners().items():
        if owner == state:
            return name
    raise InstanceDiedError(f"the bridge of the guests of {state} is gone")


def ports(name: str) -> list[str]:
    """Name the interfaces on a bridge: guests' taps."""
    return [path.name for path in (iproute.INTERFACES / name / "brif").glob("*")]


def steps(wanted: Layout, name: str, state: str) -> list[str]:
    """Give what `ip -batch` does to make a bridge."""
    return [
        f"link add {name} type bridge stp_state 0 forward_delay 0",
        iproute.alias_step(name, state),
        f"link set {name} addrgenmode none",
        f"address add {wanted.with_prefix(wanted.gateway)} dev {name}",
        f"link set {name} up",
        f"route replace {_last_resort(wanted.subnet)}",
        f"route replace {wanted.containers} via {wanted.guest} dev {name} proto {ROUTE_PROTOCOL}",
    ]


def _last_resort(subnet: ipaddress.IPv4Network) -> str:
    return f"unreachable {subnet} metric {LAST_RESORT_METRIC} proto {ROUTE_PROTOCOL}"


def _refused() -> set[ipaddress.IPv4Network]:
    """Give the subnets that routes of last resort refuse."""
    routes = iproute.query(
        "-4", "route", "show", "type", "unreachable", "proto", str(ROUTE_PROTOCOL)
    )
    return {ipaddress.IPv4Network(route["dst"]) for route in routes}


def _is_up(wanted: Layout, state: str) -> bool:
    with suppress(InstanceDiedError):
        name = of(state)
        gateway = ipaddress.IPv4Interface(wanted.with_prefix(wanted.gateway))
        there = iproute.addresses("up", "dev", name).get(name, [])
        return there == [gateway] and wanted.subnet in _refused()
    return False


def _users_of(wanted: Layout) -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    for name, addresses in iproute.addresses().items():
        for each in addresses:
            if each.network.overlaps(wanted.subnet):
                yield name, each.network


def _refuse_if_used(wanted: Layout) -> None:
    """Leave others' addresses alone; a bridge of ours without a guest was left by a broken run."""
    ours = owners()
    for name, network in _users_of(wanted):
        if name not in ours or ports(name):
            raise TestbedError(
                f"testbed.guest_subnet: {wanted.subnet} is already used by {name} ({network})",
                remedy="choose another subnet of 198.18.0.0/15 in `testbed.guest_subnet`",
            )
        remove(name)


def _free_name() -> str:
    for name in NAMES:
        if not iproute.exists(name):
            return name
    raise TestbedError(
        f"no name is left for a bridge: there are {NAMES[0]} to {NAMES[-1]}",
        remedy="run `python -m featherbench clean`",
    )


def _make(wanted: Layout, state: str) -> None:
    with suppress(InstanceDiedError):
        remove(of(state))
    _refuse_if_used(wanted)
    name = _free_name()
    try:
        iproute.batch(steps(wanted, name, state))
    except CommandError as refused:
        remove(name)
        raise TestbedError(
            f"the guests' bridge {name} cannot be made: {refused.message}",
            remedy="see whether a network manager takes over interfaces named fb-*",
        ) from refused


def _holders_of(address: str) -> Sequence[str]:
    """Name the interface of this machine that has an address."""
    return [
        name
        for name, addresses in iproute.addresses().items()
        if address in {str(each.ip) for each in addresses}
    ]


def _forward_between(*names: str) -> None:
    """Have packets pass between these interfaces, and no others."""
    settings = [f"net.ipv4.conf.{name}.forwarding=1" for name in names]
    subprocesses.run(["sysctl", "--quiet", "--write", *settings], timeout_s=TIMEOUT_S)


def prepare(guest_subnet: str, *, state: str, callback_address: str) -> Layout:
    """See to it that the bridge is there, reachable from the client. Needs root.

    `home` is this machine's address on the client's side; empty where no client is to come. Raises
    TestbedError when it cannot be made.
    """
    wanted = lay_out(guest_subnet)
    if not _is_up(wanted, state):
        _make(wanted, state)
    _forward_between(of(state), *_holders_of(callback_address))
    firewall.allow_past_docker(state)
    return wanted


def require_way_to(address: str) -> None:
    """Raise InstanceDiedError unless packets for `address` go to a bridge of ours."""
    (route,) = iproute.query("-4", "route", "get", address) or [{}]
    if route.get("dev") not in owners():
        raise InstanceDiedError(f"the guests' bridge is gone, and so is the guest {address}")


def takes_connections(address: str, port: int) -> bool:
    """Whether something on the bridge takes TCP connections, though it may never answer."""
    try:
        require_way_to(address)
        socket.create_connection((address, port), timeout=CONNECT_WITHIN_S).close()
    except (OSError, FeatherbenchError):
        return False
    return True


def stale_routes() -> list[ipaddress.IPv4Network]:
    """Give the subnets that are refused though their bridge is gone."""
    refused = _refused()  # first: a bridge is there before its route
    bridged = [
        each.network
        for name, each_of in iproute.addresses().items()
        if name in NAMES
        for each in each_of
    ]
    return [subnet for subnet in refused if not any(each.subnet_of(subnet) for each in bridged)]


def remove_route(subnet: ipaddress.IPv4Network) -> None:
    """Remove the route that refuses a subnet; no error when it is gone already."""
    iproute.ip("route", "delete", *_last_resort(subnet).split(), check=False)


def remove(name: str) -> None:
    """Remove a bridge and the routes that go with it; no error when they are gone already."""
    if name in owners():
        iproute.delete(name)
    for subnet in stale_routes():
        remove_route(subnet)
