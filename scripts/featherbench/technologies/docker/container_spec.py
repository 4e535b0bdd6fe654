# SPDX-License-Identifier: Apache-2.0
"""What a container of ours is: how it is confined, and how the client reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.contracts.technology import LISTEN_ADDRESS
from featherbench.ownership import LABEL
from featherbench.services.launcher import SERVICE_UID
from featherbench.technologies.docker import network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.contracts.technology import StartRequest

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - inside the container's own network namespace
SCRATCH = {"/run/featherbench": "rw,noexec,nosuid,nodev,size=16m,mode=1777"}
LOG_FILES = {"max-size": "1m", "max-file": "1"}


def name_of(instance_id: str) -> str:
    """Give the container's name."""
    return f"{LABEL}-{instance_id}"


def labels(request: StartRequest) -> dict[str, str]:
    """Give the labels by which it is found again, and told from other testbeds' containers."""
    return {LABEL: request.instance_id, network.STATE_LABEL: str(request.placement.state)}


def _published(request: StartRequest) -> dict[str, tuple[str, int]]:
    """Publish the service's port at the place's address, and nowhere else."""
    if request.network != "nat" or request.port is None:
        return {}
    return {f"{request.port}/tcp": (request.placement.address, request.port)}


def _sysctls(request: StartRequest) -> Mapping[str, str]:
    """Those of the container's own network; on the host's they are the testbed's to set."""
    return {} if request.network == "host" else request.tuning.net_sysctls


def command(request: StartRequest) -> list[str]:
    """Fill in where to listen: inside a network namespace of its own, everywhere."""
    address = request.placement.address if request.network == "host" else ANY_ADDRESS
    return [word.replace(LISTEN_ADDRESS, address) for word in request.command]


def confinement(request: StartRequest, *, seccomp: str) -> dict[str, Any]:
    """Give what keeps it unprivileged: no capability, no way to gain one, nothing to write to."""
    profile = ["seccomp=unconfined"] if seccomp == "unconfined" else []
    user = f"{SERVICE_UID}:{SERVICE_UID}"
    return {
        "user": user,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", *profile],
        "read_only": True,
        "tmpfs": SCRATCH,
        "cpuset_cpus": ",".join(map(str, request.placement.cpus)),
        "init": False,
    }


def limits(request: StartRequest, *, memory_mib: int | None) -> dict[str, Any]:
    """Give its limits: open files and, when one is set, memory."""
    from docker.types import Ulimit  # noqa: PLC0415 - heavy

    nofile = request.tuning.nofile
    return {
        "ulimits": [Ulimit(name="nofile", soft=nofile, hard=nofile)] if nofile else [],
        "mem_limit": None if memory_mib is None else f"{memory_mib}m",
    }


def connection(request: StartRequest) -> dict[str, Any]:
    """Give its network and what is reached through it."""
    return {
        "network": "host" if request.network == "host" else network.NAME,
        "ports": _published(request),
        "sysctls": dict(_sysctls(request)),
    }


def creation(
    request: StartRequest, *, runtime: str, memory_mib: int | None, seccomp: str
) -> dict[str, Any]:
    """Give all arguments for the SDK's `containers.create`."""
    from docker.types import LogConfig  # noqa: PLC0415 - heavy

    return {
        "image": request.image.reference["id"],
        "command": command(request),
        "name": name_of(request.instance_id),
        "labels": labels(request),
        "runtime": runtime,
        "log_config": LogConfig(type=LogConfig.types.JSON, config=LOG_FILES),
        **confinement(request, seccomp=seccomp),
        **limits(request, memory_mib=memory_mib),
        **connection(request),
    }
