# SPDX-License-Identifier: Apache-2.0
"""What broken runs left: virtual machines, folders, bridge, firewall rules; only labelled ones."""

from __future__ import annotations

import importlib.util
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import FeatherbenchError
from featherbench.ownership import Leftover
from featherbench.system import firewall
from featherbench.vm import bridge, instance_dir
from featherbench.vm.libvirt import domains
from featherbench.vm.libvirt.domains import OwnedDomain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.vm.libvirt.domain_xml import Accelerator

GUEST, BRIDGE, ROUTE = "guest", "bridge", "refusing route"
LIBVIRT_SOCKET = Path("/run/libvirt/libvirt-sock")


def _domains() -> Iterator[OwnedDomain]:
    """Yield domains, and those of which only the folder is left; none without libvirt."""
    running: list[OwnedDomain] = []
    if LIBVIRT_SOCKET.exists() and importlib.util.find_spec("libvirt"):
        running = domains.owned_domains()
    yield from running
    known = {domain.instance_id for domain in running}
    for folder in instance_dir.all_folders():
        if folder.instance_id not in known:
            state, accelerator = instance_dir.owner_of(folder)
            yield OwnedDomain(folder.instance_id, state, accelerator)


def _guests_of(accelerator: Accelerator) -> Iterator[Leftover]:
    for domain in _domains():
        if domain.accelerator in {"", accelerator}:
            yield Leftover(
                kind=GUEST,
                name=domain.instance_id,
                handle={"instance_id": domain.instance_id},
                state=domain.state,
            )


def find(accelerator: Accelerator) -> Iterator[Leftover]:
    """Yield the guests of an accelerator first: without the bridge, they could not be reached.

    If libvirt does not answer, the other leftovers are yielded before its error is raised.
    """
    libvirt_error: FeatherbenchError | None = None
    try:
        yield from _guests_of(accelerator)
    except FeatherbenchError as error:
        libvirt_error = error
    for name, state in bridge.owners().items():
        yield Leftover(kind=BRIDGE, name=name, state=state)
    for subnet in bridge.stale_routes():
        yield Leftover(kind=ROUTE, name=str(subnet))
    yield from firewall.leftovers()
    if libvirt_error is not None:
        raise libvirt_error


def end(instance_id: str) -> None:
    """End a guest at once, and remove what was made for it; no error if it is gone already."""
    try:
        domains.destroy(instance_id)
    finally:
        instance_dir.remove(instance_id)


def remove(leftover: Leftover) -> None:
    """Remove one leftover; no error if it is gone already."""
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
