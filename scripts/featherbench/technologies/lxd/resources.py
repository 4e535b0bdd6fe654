# SPDX-License-Identifier: Apache-2.0
"""What featherbench has at LXD, marked so that it can be found again; and the containers' network.

The network is a bridge, with the addresses on it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from featherbench.contracts.technology import Placement
from featherbench.errors import InstanceError, TestbedError
from featherbench.ownership import LABEL, Leftover
from featherbench.system.machine import Machine

if TYPE_CHECKING:
    from pylxd import Client
    from pylxd.client import _APINode

MARK = f"user.{LABEL}"
STATE = f"{MARK}.state"
CONTAINER = "container"
KINDS = {CONTAINER: "instances", "network": "networks", "storage pool": "storage-pools"}
"""The part of LXD's API that has each; containers first, since they use the others."""
NETWORK = "fb-lxd0"
ASK_WITHIN_S = 10.0


def marks(value: str, state: str) -> dict[str, str]:
    """Return the keys that make it a leftover of this testbed, and of no other."""
    return {MARK: value, STATE: state}


def matches(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Compare LXD's description of a resource, which may contain more, with the expected one."""
    config = {key: actual["config"].get(key) for key in expected["config"]}
    return config == expected["config"] and all(
        actual.get(key) == value for key, value in expected.items() if key != "config"
    )


def find(collection: _APINode, name: str) -> dict[str, Any] | None:
    """Return LXD's description of a resource in a part of its API; None if there is none."""
    from pylxd.exceptions import NotFound  # noqa: PLC0415 - heavy

    try:
        resource: dict[str, Any] = collection[name].get().json()["metadata"]
    except NotFound:
        return None
    return resource


def make(collection: _APINode, expected: Mapping[str, Any]) -> None:
    """Make a resource, or again if it differs. Raise TestbedError if it is not featherbench's."""
    name = expected["name"]
    resource = find(collection, name)
    if resource is not None and matches(resource, expected):
        return
    if resource is not None:
        if MARK not in resource["config"]:
            raise TestbedError(
                f"LXD has a resource named {name!r} that is no {expected['description']}",
                remedy="rename it, or remove it",
            )
        collection[name].delete()
    collection.post(json=expected)


def leftovers(client: Client) -> Iterator[Leftover]:
    """Yield all marked resources: containers, then what they use."""
    for kind, part in KINDS.items():
        resources = client.api[part].get(params={"recursion": 1}).json()["metadata"]
        for resource in resources:
            if MARK in resource["config"]:
                state = resource["config"].get(STATE, "")
                yield Leftover(kind=kind, name=resource["name"], state=state)


def network_description(subnet: str, state: str) -> dict[str, Any]:
    """Return LXD's description of it, with DHCP, without which LXD accepts no address."""
    network = ipaddress.IPv4Network(subnet)
    return {
        "name": NETWORK,
        "type": "bridge",
        "description": f"{LABEL} network",
        "config": {
            "ipv4.address": f"{network[1]}/{network.prefixlen}",
            "ipv4.nat": "false",
            "ipv6.address": "none",
            "dns.mode": "none",
            "raw.dnsmasq": "port=0",
            **marks("network", state),
        },
    }


def leaves_rules(environment: Mapping[str, Any], iptables_version: str) -> bool:
    """Return whether this LXD cannot remove the rules that it makes for published ports.

    It looks for them in the tables of the old firewall, which are empty if `iptables` writes to the
    new one.
    """
    return environment.get("firewall") == "xtables" and "nf_tables" in iptables_version


def require_firewall(client: Client, machine: Machine) -> None:
    """Raise TestbedError where LXD would leave its firewall rules behind."""
    version = machine.run(["iptables", "--version"], timeout_s=ASK_WITHIN_S, check=False).stdout
    if leaves_rules(client.host_info["environment"], version):
        raise TestbedError(
            "LXD uses iptables, which writes to nftables here: it would leave its rules behind",
            remedy="apt-get install nftables, and restart LXD: systemctl restart lxd",
        )


def make_network(client: Client, *, subnet: str, state: str) -> None:
    """Make the network, or again if it differs. Raise TestbedError if it is not featherbench's."""
    make(client.api.networks, network_description(subnet, state))


def first_free(subnet: str, leases: Iterable[Mapping[str, Any]]) -> str:
    """Return the first address that is neither the bridge's nor leased. Raise InstanceError."""
    used = {lease["address"] for lease in leases}
    for address in list(ipaddress.IPv4Network(subnet).hosts())[1:]:
        if str(address) not in used:
            return str(address)
    raise InstanceError(
        f"all addresses of {subnet} are used by containers",
        remedy="`python -m featherbench clean` removes what broken runs left; see `lxc list`",
    )


def free_address(client: Client, placement: Placement) -> str:
    """Return an address that no container uses."""
    leases = client.api.networks[NETWORK].leases.get().json()["metadata"]
    return first_free(placement.container_subnet, leases)
