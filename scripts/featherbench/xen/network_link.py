# SPDX-License-Identifier: Apache-2.0
"""The way from the guests' bridge here to the domains of a dom0 elsewhere: an interface on it.

The domains are then on the bridge as guests of this machine are, with a wire between.
"""

from __future__ import annotations

from featherbench.errors import CommandError, TestbedError
from featherbench.system import iproute
from featherbench.system.iproute import INTERFACES
from featherbench.vm.network import bridge


def addresses(link: str) -> list[str]:
    """Return the addresses of an interface, but for those that every interface has."""
    return [
        address["local"]
        for entry in iproute.query("address", "show", "dev", link)
        for address in entry["addr_info"]
        if address["scope"] != "link"
    ]


def master_of(link: str) -> str:
    """Name the bridge or bond that an interface is a part of; empty: none."""
    master = INTERFACES / link / "master"
    return master.resolve().name if master.exists() else ""


def in_use(link: str, bridge_of_ours: str) -> str:
    """Say what an interface is used for, but for our own bridge; empty: nothing."""
    master = master_of(link)
    if found := addresses(link):
        return f"has the address {found[0]}"
    if above := sorted(path.name for path in (INTERFACES / link).glob("upper_*")):
        names = [name.removeprefix("upper_") for name in above]
        if others := [name for name in names if name not in {master, bridge_of_ours}]:
            return f"carries {others[0]}"
    if master in {"", bridge_of_ours}:
        return ""
    if master not in bridge.owners():
        return f"is a part of {master}"
    return f"is on {master}, with guests of another run" if _guests_on(master, link) else ""


def _guests_on(name: str, link: str) -> list[str]:
    return [port for port in bridge.ports(name) if port != link]


def attach(link: str, bridge_of_ours: str) -> None:
    """Put an interface on a bridge. Raises TestbedError when it is not free for that."""
    if used := in_use(link, bridge_of_ours):
        raise TestbedError(
            f"hypervisors: the link {link} {used}: it is in use",
            remedy="name an interface that is for the tests alone, and has no address",
        )
    if master_of(link) == bridge_of_ours:
        return
    try:
        iproute.ip("link", "set", link, "master", bridge_of_ours, "up")
    except CommandError as refused:
        raise TestbedError(
            f"hypervisors: the link {link} cannot be put on the bridge {bridge_of_ours}:"
            f" {refused.message}",
            remedy="name an interface of this machine that leads to dom0's bridge",
        ) from refused
