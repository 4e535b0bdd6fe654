# SPDX-License-Identifier: Apache-2.0
"""What a container of ours is: how it is confined, and how the client reaches it."""

from __future__ import annotations

import ipaddress
import shlex
from typing import TYPE_CHECKING, Any

from featherbench.contracts.technology import LISTEN_ADDRESS
from featherbench.ownership import LABEL
from featherbench.technologies.lxd import network, owned_resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.contracts.technology import Placement, StartRequest
    from featherbench.records.tuning import Tuning

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - inside the container's own network namespace
COMMAND = "FEATHERBENCH_COMMAND"
"""The unit of `resources/technologies/lxd.service` runs what this variable holds."""
DIR = "dir"
"""The storage driver whose containers are folders."""


def name_of(instance_id: str) -> str:
    """Give the container's name."""
    return f"{LABEL}-{instance_id}"


def pool_of(driver: str) -> str:
    """Name our storage pool of a driver."""
    return f"{LABEL}-{driver}"


def command(request: StartRequest) -> str:
    """Fill in where to listen: in its own network namespace, everywhere. Quoted as systemd does."""
    return shlex.join(word.replace(LISTEN_ADDRESS, ANY_ADDRESS) for word in request.command)


def cpus(numbers: Sequence[int]) -> str:
    """Pin to those: a number alone would be how many."""
    return ",".join(f"{number}-{number}" for number in numbers)


def addressing(placement: Placement, address: str) -> str:
    """Have the address set before the first process starts: nothing inside waits for one."""
    network = ipaddress.IPv4Network(placement.container_subnet)
    return (
        f"lxc.net.0.ipv4.address = {address}/{network.prefixlen}\n"
        f"lxc.net.0.ipv4.gateway = {network[1]}\n"
    )


def limits(tuning: Tuning, *, memory_mib: int | None) -> dict[str, str]:
    """Give its limits of open files and memory, and its own network's sysctls."""
    nofile = {} if tuning.nofile is None else {"limits.kernel.nofile": str(tuning.nofile)}
    memory = {} if memory_mib is None else {"limits.memory": f"{memory_mib}MiB"}
    sysctls = {f"linux.sysctl.{key}": value for key, value in tuning.net_sysctls.items()}
    return nofile | memory | sysctls


def devices(request: StartRequest, address: str) -> dict[str, dict[str, str]]:
    """Give its interface, and the published port: at the place's address alone."""
    interface = {"type": "nic", "name": "eth0", "network": network.NAME, "ipv4.address": address}
    given = {"eth0": interface}
    if request.network != "nat" or request.port is None:
        return given
    published = {
        "type": "proxy",
        "nat": "true",
        "listen": f"tcp:{request.placement.address}:{request.port}",
        "connect": f"tcp:{address}:{request.port}",
    }
    return given | {"published": published}


def described(name: str, fingerprint: str, storage: str, marks: dict[str, str]) -> dict[str, Any]:
    """Describe a container of an image, to LXD: in the words of its API. No profile adds to it.

    `storage` is the driver of the pool that it lies in.
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
    """Describe the container of an instance, at `address`."""
    marks = owned_resources.marks(request.instance_id, str(request.placement.state))
    fingerprint = request.image.reference["fingerprint"]
    bare = described(name_of(request.instance_id), fingerprint, storage, marks)
    config = {
        f"environment.{COMMAND}": command(request),
        "limits.cpu": cpus(request.placement.cpus),
        "raw.lxc": addressing(request.placement, address),
        **limits(request.tuning, memory_mib=memory_mib),
    }
    return bare | {
        "config": bare["config"] | config,
        "devices": bare["devices"] | devices(request, address),
    }
