# SPDX-License-Identifier: Apache-2.0
"""What broken runs left at LXD and in the firewall: only what bears our mark."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from featherbench.ownership import Leftover
from featherbench.system import firewall
from featherbench.technologies.lxd import container_ops, owned_resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylxd import Client

CONTAINER = "container"
KINDS = {CONTAINER: "instances", "network": "networks", "storage pool": "storage-pools"}
"""And where LXD's API has each; containers first, since they use the others."""


def find(client: Client) -> Iterator[Leftover]:
    """Give containers, then what they share."""
    for kind, where in KINDS.items():
        everything = client.api[where].get(params={"recursion": 1}).json()["metadata"]
        for each in everything:
            if owned_resources.MARK in each["config"]:
                state = each["config"].get(owned_resources.STATE, "")
                yield Leftover(kind=kind, name=each["name"], state=state)
    yield from firewall.leftovers()


def remove(client: Client, leftover: Leftover) -> None:
    """Remove one; no error when it is gone already."""
    from pylxd.exceptions import NotFound  # noqa: PLC0415 - heavy

    if leftover.kind == firewall.RULE:
        firewall.remove(leftover)
    elif leftover.kind == CONTAINER:
        container_ops.remove(client, leftover.name)
    else:
        with contextlib.suppress(NotFound):
            client.api[KINDS[leftover.kind]][leftover.name].delete()
