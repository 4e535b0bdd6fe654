# SPDX-License-Identifier: Apache-2.0
"""What a container of ours is: how it is confined, and how the client reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.engine import network
from featherbench.platforms.contract import LABEL, LISTEN_ADDRESS
from featherbench.services import SERVICE_UID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.platforms.contract import StartOrder

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - inside the container's own network namespace
SCRATCH = {"/run/featherbench": "rw,noexec,nosuid,nodev,size=16m,mode=1777"}
LOG_FILES = {"max-size": "1m", "max-file": "1"}


def name_of(instance_id: str) -> str:
    """Give the container's name."""
    return f"{LABEL}-{instance_id}"


def labels(order: StartOrder) -> dict[str, str]:
    """Give the labels by which it is found again, and told from other testbeds' containers."""
    return {LABEL: order.instance_id, network.STATE_LABEL: str(order.place.state)}


def _published(order: StartOrder) -> dict[str, tuple[str, int]]:
    """Publish the service's port at the place's address, and nowhere else."""
    if order.network != "nat" or order.port is None:
        return {}
    return {f"{order.port}/tcp": (order.place.address, order.port)}


def _sysctls(order: StartOrder) -> Mapping[str, str]:
    """Those of the container's own network; on the host's they are the testbed's to set."""
    return {} if order.network == "host" else order.tuning.net_sysctls


def command(order: StartOrder) -> list[str]:
    """Fill in where to listen: inside a network namespace of its own, everywhere."""
    address = order.place.address if order.network == "host" else ANY_ADDRESS
    return [word.replace(LISTEN_ADDRESS, address) for word in order.command]


def confinement(order: StartOrder, *, seccomp: str) -> dict[str, Any]:
    """Give what keeps it unprivileged: no capability, no way to gain one, nothing to write to."""
    profile = ["seccomp=unconfined"] if seccomp == "unconfined" else []
    user = f"{SERVICE_UID}:{SERVICE_UID}"
    return {
        "user": user,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", *profile],
        "read_only": True,
        "tmpfs": SCRATCH,
        "cpuset_cpus": ",".join(map(str, order.place.cpus)),
        "init": False,
    }


def limits(order: StartOrder, *, memory_mib: int | None) -> dict[str, Any]:
    """Give its limits: open files and, when one is set, memory."""
    from docker.types import Ulimit  # noqa: PLC0415 - heavy

    nofile = order.tuning.nofile
    return {
        "ulimits": [Ulimit(name="nofile", soft=nofile, hard=nofile)] if nofile else [],
        "mem_limit": None if memory_mib is None else f"{memory_mib}m",
    }


def connection(order: StartOrder) -> dict[str, Any]:
    """Give its network and what is reached through it."""
    return {
        "network": "host" if order.network == "host" else network.NAME,
        "ports": _published(order),
        "sysctls": dict(_sysctls(order)),
    }


def creation(
    order: StartOrder, *, runtime: str, memory_mib: int | None, seccomp: str
) -> dict[str, Any]:
    """Give all arguments for the SDK's `containers.create`."""
    from docker.types import LogConfig  # noqa: PLC0415 - heavy

    return {
        "image": order.image.reference["id"],
        "command": command(order),
        "name": name_of(order.instance_id),
        "labels": labels(order),
        "runtime": runtime,
        "log_config": LogConfig(type=LogConfig.types.JSON, config=LOG_FILES),
        **confinement(order, seccomp=seccomp),
        **limits(order, memory_mib=memory_mib),
        **connection(order),
    }
