# SPDX-License-Identifier: Apache-2.0
"""The link from the guests' bridge to the domains of another machine's dom0: an interface on it.

The domains are then on the bridge like guests of this machine, with a wire in between.
"""

from __future__ import annotations

from featherbench.errors import TestbedError
from featherbench.system import iproute, subprocesses
from featherbench.system.iproute import INTERFACES
from featherbench.vm import bridge


def addresses(link: str) -> list[str]:
    """Return the addresses of an interface, without link-local ones."""
    return [
        address["local"]
        for entry in iproute.query("address", "show", "dev", link)
        for address in entry["addr_info"]
        if address["scope"] != "link"
    ]


def master_of(link: str) -> str:
    """Return the bridge or bond that an interface is a part of; empty if there is none."""
    master = INTERFACES / link / "master"
    return master.resolve().name if master.exists() else ""


def in_use(link: str, own_bridge: str) -> str:
    """Return what else than `own_bridge` uses an interface, in words; empty if nothing does."""
    master = master_of(link)
    if configured := addresses(link):
        return f"has the address {configured[0]}"
    above = {path.name.removeprefix("upper_") for path in (INTERFACES / link).glob("upper_*")}
    if others := sorted(above - {master, own_bridge}):
        return f"carries {others[0]}"
    if master in {"", own_bridge}:
        return ""
    if master not in bridge.owners():
        return f"is a part of {master}"
    has_guests = set(bridge.ports(master)) - {link}
    return f"is on {master}, with guests of another run" if has_guests else ""


def attach(link: str, own_bridge: str) -> None:
    """Put an interface on a bridge. Raise TestbedError if it is in use."""
    if used := in_use(link, own_bridge):
        raise TestbedError(
            f"hypervisors: the link {link} {used}: it is in use",
            remedy="name an interface that has no address and that nothing else uses",
        )
    if master_of(link) == own_bridge:
        return
    what = f"hypervisors: the link {link} cannot be put on the bridge {own_bridge}"
    remedy = "name an interface of this machine that leads to dom0's bridge"
    with subprocesses.failure_as(TestbedError, what, remedy=remedy):
        iproute.ip("link", "set", link, "master", own_bridge, "up")
