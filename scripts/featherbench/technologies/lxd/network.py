# SPDX-License-Identifier: Apache-2.0
"""The network of the containers: a bridge, and the addresses on it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from featherbench.errors import InstanceError, TestbedError
from featherbench.ownership import LABEL
from featherbench.technologies.lxd import owned_resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pylxd import Client

    from featherbench.contracts.technology import Placement
    from featherbench.system.machine import Machine

NAME = "fb-lxd0"
ASK_WITHIN_S = 10.0


def description(subnet: str, state: str) -> dict[str, Any]:
    """Return LXD's description of the network.

    It has DHCP, which nobody uses: without, LXD does not accept the address of a container.
    """
    network = ipaddress.IPv4Network(subnet)
    return {
        "name": NAME,
        "type": "bridge",
        "description": f"{LABEL} network",
        "config": {
            "ipv4.address": f"{network[1]}/{network.prefixlen}",
            "ipv4.nat": "false",
            "ipv6.address": "none",
            "dns.mode": "none",
            "raw.dnsmasq": "port=0",
            **owned_resources.marks("network", state),
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
    """Make the network, or make it again if it differs.

    Raises TestbedError when a network of that name is not featherbench's.
    """
    owned_resources.make(client.api.networks, description(subnet, state))


def first_free(subnet: str, leases: Iterable[Mapping[str, Any]]) -> str:
    """Return the first address that is neither the bridge's nor in LXD's `leases`.

    Raises InstanceError when there is none.
    """
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
    leases = client.api.networks[NAME].leases.get().json()["metadata"]
    return first_free(placement.container_subnet, leases)
