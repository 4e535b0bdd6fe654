# SPDX-License-Identifier: Apache-2.0
"""The services under test: how each is started inside any instance, and where it listens.

The same launcher starts them on every platform that uses our root file system; it writes what
depends on the address into `/run/featherbench`, the one folder that an instance may write to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from featherbench.contracts.technology import LISTEN_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Sequence

LAUNCHER = "/usr/local/bin/featherbench-serve"
PROBE = "/usr/local/bin/featherbench-probe"
PORTS = {"http": 18080, "kv": 16379}
"""Unusual ones, so that a host's own nginx or Redis is not in the way."""

DISCARD_PORT = 9
"""RFC 863: where nobody waits for a packet."""

SERVICE_UID = 33
"""www-data in every Debian root file system: services never run as root."""


def serve_command(service: str) -> tuple[str, ...]:
    """Give the command that serves `app`, to be run inside an instance."""
    return (LAUNCHER, service, LISTEN_ADDRESS, str(PORTS[service]))


def probe_command(address: str, port: int, nonce: str) -> tuple[str, ...]:
    """Give the command that sends one UDP packet with `nonce` to address:port."""
    return (PROBE, address, str(port), nonce)


class Target(NamedTuple):
    """What the probe is told."""

    address: str
    port: str
    nonce: str


def told_probe(command: Sequence[str]) -> Target | None:
    """Give what a command tells the probe; None when it starts another program."""
    program, *told = command
    return Target(*told) if program == PROBE else None


def command_of(service: str, address: str) -> tuple[str, ...]:
    """Give the command of an instance that is to stay.

    `startup` serves nothing, and its packet goes to the discard port of `address`.
    """
    return (
        serve_command(service) if service in PORTS else probe_command(address, DISCARD_PORT, "up")
    )
