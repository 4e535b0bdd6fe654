# SPDX-License-Identifier: Apache-2.0
"""The tap of each virtual machine: made before its process and removed after it, to find it by.

Its alias has the label, the hypervisor, the instance, and the Placement.state that it is for.
"""

import hashlib
from typing import NamedTuple

from featherbench.errors import CommandError, InstanceError
from featherbench.system import iproute

PREFIX = "fb-u"
NAME_DIGITS = 10
"""An interface's name may have 15 characters."""


class Tap(NamedTuple):
    """A tap of featherbench, and what it is for."""

    name: str
    hypervisor: str
    instance_id: str
    state: str


def name_of(instance_id: str) -> str:
    """Return the name of an instance's tap."""
    return PREFIX + hashlib.sha256(instance_id.encode()).hexdigest()[:NAME_DIGITS]


def steps(instance_id: str, hypervisor: str, state: str, bridge: str) -> list[str]:
    """Return the steps for `ip -batch` that make a tap on a bridge."""
    name = name_of(instance_id)
    return [
        f"tuntap add dev {name} mode tap",
        iproute.alias_step(name, hypervisor, instance_id, state),
        *iproute.without_ipv6_address(name),
        f"link set {name} master {bridge}",
        f"link set {name} up",
    ]


def make(instance_id: str, *, hypervisor: str, state: str, bridge: str) -> None:
    """Make a tap. Raise InstanceError, after removing what was made."""
    try:
        iproute.batch(steps(instance_id, hypervisor, state, bridge))
    except CommandError as error:
        remove(instance_id)
        raise InstanceError(
            f"the tap of {instance_id} cannot be made: {error.message}",
            remedy=error.remedy or "check that no network manager takes over interfaces named fb-*",
        ) from error


def remove(instance_id: str) -> None:
    """Remove a tap; no error if it is gone already."""
    iproute.delete(name_of(instance_id))


def own() -> list[Tap]:
    """Return all taps of featherbench."""
    taps = iproute.labelled(f"{PREFIX}*")
    return [Tap(name, *words.split(" ", maxsplit=2)) for name, words in taps.items()]
