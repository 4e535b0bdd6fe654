# SPDX-License-Identifier: Apache-2.0
"""The tap of each guest: made before its process, gone after it, and so what a guest is found by.

Its alias says whose it is: our label, the host, the instance, and the Place.state that it is for.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from featherbench.errors import CommandError, InstanceError
from featherbench.system import iproute

PREFIX = "fb-u"
NAME_DIGITS = 10
"""The kernel has 15 characters for an interface's name."""


class Tap(NamedTuple):
    """A tap of ours, and what it is for."""

    name: str
    hypervisor: str
    instance_id: str
    state: str


def name_of(instance_id: str) -> str:
    """Give the name of an instance's tap."""
    return PREFIX + hashlib.sha256(instance_id.encode()).hexdigest()[:NAME_DIGITS]


def steps(instance_id: str, hypervisor: str, state: str, bridge: str) -> list[str]:
    """Give what `ip -batch` does to make a tap on a bridge."""
    name = name_of(instance_id)
    return [
        f"tuntap add dev {name} mode tap",
        iproute.alias_step(name, hypervisor, instance_id, state),
        f"link set {name} addrgenmode none",
        f"link set {name} master {bridge}",
        f"link set {name} up",
    ]


def make(instance_id: str, *, hypervisor: str, state: str, bridge: str) -> str:
    """Make a tap, and give its name. Raises InstanceError, having removed what was made."""
    try:
        iproute.batch(steps(instance_id, hypervisor, state, bridge))
    except CommandError as refused:
        remove(instance_id)
        raise InstanceError(
            f"the tap of {instance_id} cannot be made: {refused.message}",
            remedy="see whether a network manager takes over interfaces named fb-*",
        ) from refused
    return name_of(instance_id)


def exists(instance_id: str) -> bool:
    """Whether the tap of an instance exists."""
    return iproute.exists(name_of(instance_id))


def remove(instance_id: str) -> None:
    """Remove a tap; no error when it is gone already."""
    iproute.delete(name_of(instance_id))


def own() -> list[Tap]:
    """Return all our taps."""
    taps = iproute.labelled(f"{PREFIX}*")
    return [Tap(name, *words.split(" ", maxsplit=2)) for name, words in taps.items()]
