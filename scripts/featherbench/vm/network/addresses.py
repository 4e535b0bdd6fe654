# SPDX-License-Identifier: Apache-2.0
"""The addresses of a guests' subnet.

The first half is on a bridge: this machine has its first address, the guest the second. The other
half belongs to the containers inside the guest, and is routed to it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Who has which addresses."""

    subnet: ipaddress.IPv4Network

    @property
    def bridged(self) -> ipaddress.IPv4Network:
        """The half that is on the bridge."""
        return next(self.subnet.subnets())

    @property
    def containers(self) -> ipaddress.IPv4Network:
        """The half inside the guest."""
        return list(self.subnet.subnets())[1]

    @property
    def gateway(self) -> str:
        """The address of this machine on the bridge."""
        return str(self.bridged[1])

    @property
    def guest(self) -> str:
        """The guest's address."""
        return str(self.bridged[2])

    def with_prefix(self, address: str) -> str:
        """Write an address on the bridge as `ip` wants it."""
        return f"{address}/{self.bridged.prefixlen}"


def lay_out(guest_subnet: str) -> Layout:
    """Lay out a subnet; the configuration has seen to it that it is large enough."""
    return Layout(subnet=ipaddress.IPv4Network(guest_subnet))
