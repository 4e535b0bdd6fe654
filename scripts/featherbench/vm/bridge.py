# SPDX-License-Identifier: Apache-2.0
"""The bridge of a testbed's virtual machines, and the route from the client to it.

A route of last resort refuses the guests' whole subnet, so that no packet for a guest leaves the
machine when the bridge is gone. Each testbed has its own bridge, which is labelled with its state.
A link is an interface on it that leads to domains of another machine's dom0, which are then like
guests of this machine.
"""

import ipaddress
import socket
from contextlib import suppress
from enum import Enum
from typing import Any

from featherbench.contracts.technology import Placement
from featherbench.contracts.vm_runner import GuestAddresses, addresses_in
from featherbench.errors import CommandError, FeatherbenchError, InstanceDiedError, TestbedError
from featherbench.system import firewall, iproute, subprocesses

PREFIX = "fb-guest"
NAMES = tuple(f"{PREFIX}{number}" for number in range(32))
ROUTE_PROTOCOL = 199
"""Marks the routes of guests. The testbed's own are different: they go with its network."""
LAST_RESORT_METRIC = 65_001
TIMEOUT_S = 10.0
CONNECT_WITHIN_S = 1.0


def owners() -> dict[str, str]:
    """Map the bridges of featherbench to the Placement.state that each was made for."""
    return iproute.labelled(f"{PREFIX}*")


def of(state: str) -> str:
    """Return the bridge of the testbed with that state. Raise InstanceDiedError without one."""
    for name, owner in owners().items():
        if owner == state:
            return name
    raise InstanceDiedError(f"the bridge of the guests of {state} is gone")


def ports(name: str) -> list[str]:
    """Return the interfaces on a bridge: guests' taps."""
    return [path.name for path in (iproute.INTERFACES / name / "brif").glob("*")]


def steps(addresses: GuestAddresses, name: str, state: str) -> list[str]:
    """Return the steps for `ip -batch` that make a bridge."""
    containers = addresses.containers
    return [
        f"link add {name} type bridge stp_state 0 forward_delay 0",
        iproute.alias_step(name, state),
        *iproute.without_ipv6_address(name),
        f"address add {addresses.with_prefix(addresses.gateway)} dev {name}",
        f"link set {name} up",
        f"route replace {_last_resort(addresses.subnet)}",
        f"route replace {containers} via {addresses.guest} dev {name} proto {ROUTE_PROTOCOL}",
    ]


def _last_resort(subnet: ipaddress.IPv4Network) -> str:
    return f"unreachable {subnet} metric {LAST_RESORT_METRIC} proto {ROUTE_PROTOCOL}"


def _refusing() -> list[dict[str, Any]]:
    """Return our routes of last resort."""
    routes = iproute.own_routes(ROUTE_PROTOCOL)
    return [route for route in routes if route.get("type") == "unreachable"]


def _refused() -> set[ipaddress.IPv4Network]:
    """Return the subnets that routes of last resort refuse."""
    return {ipaddress.IPv4Network(route["dst"]) for route in _refusing()}


def _is_up(addresses: GuestAddresses, state: str) -> bool:
    with suppress(InstanceDiedError):
        name = of(state)
        gateway = ipaddress.IPv4Interface(addresses.with_prefix(addresses.gateway))
        is_configured = iproute.addresses("up", "dev", name).get(name, []) == [gateway]
        return is_configured and addresses.subnet in _refused()
    return False


def _require_unused(subnet: ipaddress.IPv4Network) -> None:
    """Raise TestbedError if others use the subnet; remove an unused bridge of a broken run."""
    bridges = owners()
    for name, interfaces in iproute.addresses().items():
        networks = [each.network for each in interfaces if each.network.overlaps(subnet)]
        if networks and (name not in bridges or ports(name)):
            raise TestbedError(
                f"testbed.guest_subnet: {subnet} is already used by {name} ({networks[0]})",
                remedy="choose another subnet of 198.18.0.0/15 in `testbed.guest_subnet`",
            )
        if networks:
            remove(name)


def _free_name() -> str:
    for name in NAMES:
        if not iproute.exists(name):
            return name
    raise TestbedError(
        f"no name is left for a bridge: {NAMES[0]} to {NAMES[-1]} exist",
        remedy="run `python -m featherbench clean`",
    )


def _make(addresses: GuestAddresses, state: str) -> None:
    with suppress(InstanceDiedError):
        remove(of(state))
    _require_unused(addresses.subnet)
    name = _free_name()
    try:
        iproute.batch(steps(addresses, name, state))
    except CommandError as error:
        remove(name)
        raise TestbedError(
            f"the guests' bridge {name} cannot be made: {error.message}",
            remedy=error.remedy or "check that no network manager takes over interfaces named fb-*",
        ) from error


def prepare(placement: Placement) -> None:
    """Make the bridge unless it exists, reachable from the client. Needs root.

    Packets are forwarded between it and the interfaces with `callback_address`, which is empty
    without a client, and between no others. Raise TestbedError if it cannot be made.
    """
    addresses, state = addresses_in(placement.guest_subnet), str(placement.state)
    if not _is_up(addresses, state):
        _make(addresses, state)
    clients = [
        name
        for name, interfaces in iproute.addresses().items()
        if placement.callback_address in {str(interface.ip) for interface in interfaces}
    ]
    settings = [f"net.ipv4.conf.{name}.forwarding=1" for name in (of(state), *clients)]
    subprocesses.run(["sysctl", "--quiet", "--write", *settings], timeout_s=TIMEOUT_S)
    firewall.allow_testbed_traffic(state)


def require_route_to(address: str) -> None:
    """Raise InstanceDiedError unless packets for `address` go to a bridge of featherbench."""
    (route,) = iproute.query("-4", "route", "get", address) or [{}]
    if route.get("dev") not in owners():
        raise InstanceDiedError(f"the guests' bridge is gone, and so is the guest {address}")


class Reply(Enum):
    """What a port on the bridge does with a TCP connection."""

    ANSWERED, ACCEPTED, REFUSED, NONE = range(4)


def reply_at(address: str, port: int, request: bytes = b"") -> Reply:
    """Return what something on the bridge does with a connection, and with a request on it."""
    reply = Reply.NONE
    try:
        require_route_to(address)
        with socket.create_connection((address, port), timeout=CONNECT_WITHIN_S) as connection:
            reply = Reply.ACCEPTED
            if request:
                connection.sendall(request)
                return Reply.ANSWERED if connection.recv(1) else reply
    except ConnectionRefusedError:
        return Reply.REFUSED
    except (OSError, FeatherbenchError):
        return reply
    return reply


def connection_note(address: str, port: int) -> str:
    """Return a note for a diagnosis if the port accepts connections."""
    if port and reply_at(address, port) is Reply.ACCEPTED:
        return f", and {address}:{port} accepts connections"
    return ""


def stale_routes() -> list[ipaddress.IPv4Network]:
    """Return the subnets that are refused although their bridge is gone."""
    refused = _refused()  # first, because a bridge exists before its route
    addresses = iproute.addresses()
    bridged = [each.network for name in NAMES for each in addresses.get(name, ())]
    return [subnet for subnet in refused if not any(each.subnet_of(subnet) for each in bridged)]


def remove_route(subnet: ipaddress.IPv4Network) -> None:
    """Remove the routes that refuse a subnet; no error if they are gone already.

    Raises CommandError if one stays.
    """
    for route in _refusing():
        if ipaddress.IPv4Network(route["dst"]) == subnet:
            iproute.delete_route(route, ROUTE_PROTOCOL)


def remove(name: str) -> None:
    """Remove a bridge and the routes that go with it; no error if they are gone already."""
    if name in owners():
        iproute.delete(name)
    for subnet in stale_routes():
        remove_route(subnet)


def _link_addresses(link: str) -> list[str]:
    """Return the addresses of an interface, without link-local ones."""
    return [
        address["local"]
        for entry in iproute.query("address", "show", "dev", link)
        for address in entry["addr_info"]
        if address["scope"] != "link"
    ]


def _master_of(link: str) -> str:
    """Return the bridge or bond that an interface is a part of; empty if there is none."""
    master = iproute.INTERFACES / link / "master"
    return master.resolve().name if master.exists() else ""


def in_use(link: str, own_bridge: str) -> str:
    """Return what else than `own_bridge` uses an interface, in words; empty if nothing does."""
    master, folder = _master_of(link), iproute.INTERFACES / link
    if configured := _link_addresses(link):
        return f"has the address {configured[0]}"
    above = {path.name.removeprefix("upper_") for path in folder.glob("upper_*")}
    if others := sorted(above - {master, own_bridge}):
        return f"carries {others[0]}"
    if master in {"", own_bridge}:
        return ""
    if master not in owners():
        return f"is a part of {master}"
    has_guests = set(ports(master)) - {link}
    return f"is on {master}, with guests of another run" if has_guests else ""


def attach_link(link: str, own_bridge: str) -> None:
    """Put an interface on a bridge. Raise TestbedError if it is in use."""
    if used := in_use(link, own_bridge):
        raise TestbedError(
            f"hypervisors: the link {link} {used}: it is in use",
            remedy="name an interface that has no address and that nothing else uses",
        )
    if _master_of(link) == own_bridge:
        return
    what = f"hypervisors: the link {link} cannot be put on the bridge {own_bridge}"
    remedy = "name an interface of this machine that leads to dom0's bridge"
    with subprocesses.failure_as(TestbedError, what, remedy=remedy):
        iproute.ip("link", "set", link, "master", own_bridge, "up")
