# SPDX-License-Identifier: Apache-2.0
"""The storage pools that our containers lie in: a folder, or a file with btrfs in it.

In a folder each container is a copy of its image's files, which every LXD can do. In btrfs it is a
snapshot of them, once the first container has had them unpacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.ownership import LABEL
from featherbench.technologies.lxd import owned_resources
from featherbench.technologies.lxd.connection import socket_of
from featherbench.technologies.lxd.container_ops import remove
from featherbench.technologies.lxd.container_spec import DIR, described, pool_of

if TYPE_CHECKING:
    from pathlib import Path

    from pylxd import Client

    from featherbench.system.machine import Machine

FILE_SIZE = "8GiB"
"""How far the file of a pool may grow; it takes what is written to it."""


def description(driver: str, state: str) -> dict[str, Any]:
    """Give what describes a pool of ours to LXD: in the words of its API."""
    size = {} if driver == DIR else {"size": FILE_SIZE}
    return {
        "name": pool_of(driver),
        "driver": driver,
        "description": f"{LABEL} storage pool",
        "config": {**size, **owned_resources.marks("pool", state)},
    }


def make_pool(client: Client, driver: str, *, state: str) -> None:
    """See to it that a pool of ours is there. Raises TestbedError when its name is another's."""
    owned_resources.make(client.api["storage-pools"], description(driver, state))


def folder_of(container: str, machine: Machine) -> Path:
    """Name the folder of `node` that holds the files of a container in the pool that is one."""
    pools = socket_of(machine).parent / "storage-pools"
    return pools / pool_of(DIR) / "containers" / container / "rootfs"


def unpack(client: Client, driver: str, fingerprint: str, *, state: str) -> str:
    """Have an image unpacked for a container that is never started; give the container's name."""
    name = f"{LABEL}-{fingerprint[:12]}"
    remove(client, name)
    marks = owned_resources.marks(name, state)
    client.instances.create(described(name, fingerprint, driver, marks), wait=True)
    return name


def have_unpacked(client: Client, driver: str, fingerprint: str, *, state: str) -> None:
    """See to it that a pool with snapshots has the image to take them of."""
    held = client.api["storage-pools"][pool_of(driver)].volumes.image
    if driver != DIR and owned_resources.find(held, fingerprint) is None:
        remove(client, unpack(client, driver, fingerprint, state=state))
