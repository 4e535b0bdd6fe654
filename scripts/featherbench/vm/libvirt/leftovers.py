# SPDX-License-Identifier: Apache-2.0
"""What broken runs left of guests: machines, folders, bridge, firewall; only what is ours."""

from __future__ import annotations

import importlib.util
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import FeatherbenchError
from featherbench.ownership import Leftover
from featherbench.system import firewall
from featherbench.vm import instance_dir
from featherbench.vm.libvirt import domains
from featherbench.vm.network import bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.vm.libvirt.domain_xml import Accelerator

GUEST, BRIDGE, ROUTE = "guest", "bridge", "refusing route"
LIBVIRT_SOCKET = Path("/run/libvirt/libvirt-sock")


def _guests() -> Iterator[domains.Found]:
    """Find machines, and folders of machines that are gone; none where libvirt never was."""
    running: list[domains.Found] = []
    if LIBVIRT_SOCKET.exists() and importlib.util.find_spec("libvirt"):
        running = domains.own_domains()
    yield from running
    known = {each.instance_id for each in running}
    for each in instance_dir.own_folders():
        if each.instance_id not in known:
            state, accelerator = instance_dir.owner_of(each)
            yield domains.Found(each.instance_id, state, accelerator)


def _guests_of(accelerator: Accelerator) -> Iterator[Leftover]:
    for found in _guests():
        if found.accelerator in {"", accelerator}:
            yield Leftover(
                kind=GUEST,
                name=found.instance_id,
                handle={"instance_id": found.instance_id},
                state=found.state,
            )


def find(accelerator: Accelerator) -> Iterator[Leftover]:
    """Give the guests of an accelerator first: without the bridge, they could not be reached.

    What libvirt does not answer for keeps nothing else from being found; it is raised at the end.
    """
    silent: FeatherbenchError | None = None
    try:
        yield from _guests_of(accelerator)
    except FeatherbenchError as failure:
        silent = failure
    for name, state in bridge.owners().items():
        yield Leftover(kind=BRIDGE, name=name, state=state)
    for subnet in bridge.stale_routes():
        yield Leftover(kind=ROUTE, name=str(subnet))
    yield from firewall.leftovers()
    if silent is not None:
        raise silent


def end(instance_id: str) -> None:
    """End a guest at once, and remove what was made for it; no error when it is gone already."""
    try:
        domains.destroy(instance_id)
    finally:
        instance_dir.remove(instance_id)


def remove(leftover: Leftover) -> None:
    """Remove one; no error when it is gone already."""
    if leftover.kind == BRIDGE:
        bridge.remove(leftover.name)
    elif leftover.kind == ROUTE:
        bridge.remove_route(IPv4Network(leftover.name))
    elif leftover.kind == firewall.RULE:
        firewall.remove(leftover)
    elif LIBVIRT_SOCKET.exists():
        end(leftover.handle["instance_id"])
    else:
        instance_dir.remove(leftover.handle["instance_id"])
