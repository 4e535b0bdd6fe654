# SPDX-License-Identifier: Apache-2.0
"""The description that creates a container: how it is confined, and how the client reaches it."""

from __future__ import annotations

import ipaddress
import shlex
from typing import TYPE_CHECKING, Any

from featherbench.ownership import LABEL
from featherbench.technologies._container import command, name_of, published_port
from featherbench.technologies.lxd import network, owned_resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.contracts.technology import Placement, StartRequest
    from featherbench.records.tuning import Tuning

COMMAND = "FEATHERBENCH_COMMAND"
"""The unit of `resources/technologies/lxd.service` runs what this variable contains."""
DIR = "dir"
"""The storage driver whose containers are folders."""


def pool_of(driver: str) -> str:
    """Return the name of the storage pool of a driver."""
    return f"{LABEL}-{driver}"


def cpus(numbers: Sequence[int]) -> str:
    """Return LXD's form of CPUs to pin to; a single number would mean a count."""
    return ",".join(f"{number}-{number}" for number in numbers)


def addressing(placement: Placement, address: str) -> str:
    """Return what sets the address before the first process starts: nothing inside waits for it."""
    network = ipaddress.IPv4Network(placement.container_subnet)
    return (
        f"lxc.net.0.ipv4.address = {address}/{network.prefixlen}\n"
        f"lxc.net.0.ipv4.gateway = {network[1]}\n"
    )


def limits(tuning: Tuning, *, memory_mib: int | None) -> dict[str, str]:
    """Return its limits of open files and memory, and the sysctls of its network."""
    nofile = {} if tuning.nofile is None else {"limits.kernel.nofile": str(tuning.nofile)}
    memory = {} if memory_mib is None else {"limits.memory": f"{memory_mib}MiB"}
    sysctls = {f"linux.sysctl.{key}": value for key, value in tuning.net_sysctls.items()}
    return nofile | memory | sysctls


def devices(request: StartRequest, address: str) -> dict[str, dict[str, str]]:
    """Return its interface, and its published port."""
    interface = {"type": "nic", "name": "eth0", "network": network.NAME, "ipv4.address": address}
    port = published_port(request)
    if port is None:
        return {"eth0": interface}
    published = {
        "type": "proxy",
        "nat": "true",
        "listen": f"tcp:{request.placement.address}:{port}",
        "connect": f"tcp:{address}:{port}",
    }
    return {"eth0": interface, "published": published}


def description(name: str, fingerprint: str, storage: str, marks: dict[str, str]) -> dict[str, Any]:
    """Return LXD's description of a container of an image, without profiles.

    `storage` is the driver of its storage pool.
    """
    return {
        "name": name,
        "type": "container",
        "profiles": [],
        "source": {"type": "image", "fingerprint": fingerprint},
        "config": {"security.privileged": "false", "boot.autostart": "false", **marks},
        "devices": {"root": {"type": "disk", "path": "/", "pool": pool_of(storage)}},
    }


def creation(
    request: StartRequest, address: str, *, storage: str, memory_mib: int | None
) -> dict[str, Any]:
    """Return LXD's description of the container of an instance, at `address`."""
    marks = owned_resources.marks(request.instance_id, str(request.placement.state))
    fingerprint = request.image.reference["fingerprint"]
    bare = description(name_of(request.instance_id), fingerprint, storage, marks)
    config = {
        f"environment.{COMMAND}": shlex.join(command(request)),  # systemd reads such quotes
        "limits.cpu": cpus(request.placement.cpus),
        "raw.lxc": addressing(request.placement, address),
        **limits(request.tuning, memory_mib=memory_mib),
    }
    return bare | {
        "config": bare["config"] | config,
        "devices": bare["devices"] | devices(request, address),
    }
