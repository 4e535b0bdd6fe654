# SPDX-License-Identifier: Apache-2.0
"""The storage pools of the containers: a folder, or a file with btrfs in it.

In a folder each container is a copy of its image's files, which every LXD supports. In btrfs it is
a snapshot of them, which were unpacked for the first container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.ownership import LABEL
from featherbench.technologies.lxd import container_spec, owned_resources
from featherbench.technologies.lxd.connection import socket_of
from featherbench.technologies.lxd.container_ops import remove
from featherbench.technologies.lxd.container_spec import DIR, pool_of

if TYPE_CHECKING:
    from pathlib import Path

    from pylxd import Client

    from featherbench.system.machine import Machine

FILE_SIZE = "8GiB"
"""The limit of a pool's file, which is sparse."""


def description(driver: str, state: str) -> dict[str, Any]:
    """Return LXD's description of a pool."""
    size = {} if driver == DIR else {"size": FILE_SIZE}
    return {
        "name": pool_of(driver),
        "driver": driver,
        "description": f"{LABEL} storage pool",
        "config": {**size, **owned_resources.marks("pool", state)},
    }


def make_pool(client: Client, driver: str, *, state: str) -> None:
    """Make the pool, or make it again if it differs.

    Raises TestbedError when a pool of that name is not featherbench's.
    """
    owned_resources.make(client.api["storage-pools"], description(driver, state))


def folder_of(container: str, machine: Machine) -> Path:
    """Return the folder of `machine` with the files of a container in the pool that is a folder."""
    pools = socket_of(machine).parent / "storage-pools"
    return pools / pool_of(DIR) / "containers" / container / "rootfs"


def unpack(client: Client, driver: str, fingerprint: str, *, state: str) -> str:
    """Create a container that is never started, to unpack its image; return its name."""
    name = f"{LABEL}-{fingerprint[:12]}"
    remove(client, name)
    marks = owned_resources.marks(name, state)
    container = container_spec.description(name, fingerprint, driver, marks)
    client.instances.create(container, wait=True)
    return name


def ensure_unpacked(client: Client, driver: str, fingerprint: str, *, state: str) -> None:
    """Unpack the image in a pool with snapshots, unless it is there already."""
    images = client.api["storage-pools"][pool_of(driver)].volumes.image
    if driver != DIR and owned_resources.find(images, fingerprint) is None:
        remove(client, unpack(client, driver, fingerprint, state=state))
