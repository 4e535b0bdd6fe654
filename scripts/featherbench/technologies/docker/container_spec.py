# SPDX-License-Identifier: Apache-2.0
"""The arguments that create a container: how it is confined, and how the client reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.ownership import LABEL
from featherbench.services.launcher import SCRATCH, SERVICE_UID
from featherbench.technologies._container import command, name_of, published_port
from featherbench.technologies.docker import network

if TYPE_CHECKING:
    from featherbench.contracts.technology import StartRequest

TMPFS = {SCRATCH: "rw,noexec,nosuid,nodev,size=16m,mode=1777"}
LOG_FILES = {"max-size": "1m", "max-file": "1"}


def confinement(request: StartRequest, *, seccomp: str) -> dict[str, Any]:
    """Return what keeps it unprivileged: no capabilities, a read-only root, its own CPUs."""
    profile = ["seccomp=unconfined"] if seccomp == "unconfined" else []
    return {
        "user": f"{SERVICE_UID}:{SERVICE_UID}",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", *profile],
        "read_only": True,
        "tmpfs": TMPFS,
        "cpuset_cpus": ",".join(map(str, request.placement.cpus)),
        "init": False,
    }


def limits(request: StartRequest, *, memory_mib: int | None) -> dict[str, Any]:
    """Return its limits: open files and, if one is set, memory."""
    from docker.types import Ulimit  # noqa: PLC0415 - heavy

    nofile = request.tuning.nofile
    return {
        "ulimits": [Ulimit(name="nofile", soft=nofile, hard=nofile)] if nofile else [],
        "mem_limit": None if memory_mib is None else f"{memory_mib}m",
    }


def networking(request: StartRequest) -> dict[str, Any]:
    """Return its network, its published port and its network's sysctls.

    In the machine's network the sysctls are the machine's, which the testbed sets.
    """
    in_host_network = request.network == "host"
    port = published_port(request)
    return {
        "network": "host" if in_host_network else network.NAME,
        "ports": {f"{port}/tcp": (request.placement.address, port)} if port else {},
        "sysctls": {} if in_host_network else dict(request.tuning.net_sysctls),
    }


def creation(
    request: StartRequest, *, runtime: str, memory_mib: int | None, seccomp: str
) -> dict[str, Any]:
    """Return all arguments of the SDK's `containers.create`.

    The labels make it a leftover of this testbed, and of no other.
    """
    from docker.types import LogConfig  # noqa: PLC0415 - heavy

    return {
        "image": request.image.reference["id"],
        "command": command(request),
        "name": name_of(request.instance_id),
        "labels": {LABEL: request.instance_id, network.STATE_LABEL: str(request.placement.state)},
        "runtime": runtime,
        "log_config": LogConfig(type=LogConfig.types.JSON, config=LOG_FILES),
        **confinement(request, seccomp=seccomp),
        **limits(request, memory_mib=memory_mib),
        **networking(request),
    }
