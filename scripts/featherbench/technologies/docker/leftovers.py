# SPDX-License-Identifier: Apache-2.0
"""What broken runs left at the engine and in the firewall: only what bears our label."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from featherbench.ownership import LABEL, Leftover
from featherbench.system import firewall
from featherbench.technologies.docker import container_ops, network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

CONTAINER, NETWORK = "container", "network"


def find(client: DockerClient) -> Iterator[Leftover]:
    """Give containers first: a network that has some cannot be removed."""
    bears_label: dict[str, str | list[str] | bool] = {"label": LABEL}
    for each in client.containers.list(all=True, filters=bears_label, ignore_removed=True):
        yield Leftover(
            kind=CONTAINER,
            name=str(each.name),
            handle={"id": each.id, "instance_id": each.labels[LABEL]},
            state=each.labels.get(network.STATE_LABEL, ""),
        )
    for made in client.networks.list(filters=bears_label):
        state = made.attrs["Labels"].get(network.STATE_LABEL, "")
        yield Leftover(kind=NETWORK, name=str(made.name), handle={"id": made.id}, state=state)
    yield from firewall.leftovers()


def remove(client: DockerClient, leftover: Leftover) -> None:
    """Remove one; no error when it is gone already."""
    import docker  # noqa: PLC0415 - heavy

    if leftover.kind == firewall.RULE:
        firewall.remove(leftover)
    elif leftover.kind == NETWORK:
        with contextlib.suppress(docker.errors.NotFound):
            client.networks.get(leftover.handle["id"]).remove()
    elif container := container_ops.find(client, leftover.handle["id"]):
        container_ops.remove(container)
