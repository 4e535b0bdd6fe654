# SPDX-License-Identifier: Apache-2.0
"""The way from the guests' bridge here to the domains of a dom0 elsewhere: an interface on it.

The domains are then on the bridge as guests of this machine are, with a wire between.
"""

from __future__ import annotations

import json
from pathlib import Path

from featherbench import shell
from featherbench.errors import CommandError, TestbedError

INTERFACES = Path("/sys/class/net")
TIMEOUT_S = 10.0


def addresses(link: str) -> list[str]:
    """Give the IPv4 addresses of an interface."""
    argv = ["ip", "-json", "-4", "address", "show", "dev", link]
    done = shell.run(argv, timeout_s=TIMEOUT_S, check=False)
    if done.exit_status != 0 or not done.stdout.strip():
        return []
    return [each["local"] for found in json.loads(done.stdout) for each in found["addr_info"]]


def master_of(link: str) -> str:
    """Name the bridge that an interface is on; empty: none."""
    master = INTERFACES / link / "master"
    return master.resolve().name if master.exists() else ""


def attach(link: str, bridge: str) -> None:
    """Put an interface on a bridge. Raises TestbedError when it is not free for that."""
    if master_of(link) == bridge:
        return
    if found := addresses(link):
        raise TestbedError(
            f"hosts: the link {link} has the address {found[0]}: it is in use",
            remedy="name an interface that is for the tests alone, and has no address",
        )
    try:
        shell.run(["ip", "link", "set", link, "master", bridge, "up"], timeout_s=TIMEOUT_S)
    except CommandError as refused:
        raise TestbedError(
            f"hosts: the link {link} cannot be put on the bridge {bridge}: {refused.message}",
            remedy="name an interface of this machine that leads to dom0's bridge",
        ) from refused
