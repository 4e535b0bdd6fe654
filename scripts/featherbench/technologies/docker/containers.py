# SPDX-License-Identifier: Apache-2.0
"""The containers: how one is created, confined and reached, and operations on those that exist."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.files import write_atomic
from featherbench.ownership import LABEL
from featherbench.services.launcher import SCRATCH, SERVICE_UID
from featherbench.system import cgroup
from featherbench.technologies._container import command, name_of, published_port
from featherbench.technologies.docker import network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from featherbench.contracts.technology import StartRequest
    from featherbench.system.cgroup import ControlGroup
    from featherbench.system.machine import Machine

TMPFS = {SCRATCH: "rw,noexec,nosuid,nodev,size=16m,mode=1777"}
LOG_FILES = {"max-size": "1m", "max-file": "1"}
STOP_GRACE_S = 5
LOG_LINES = 20


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
    """Return its network, port and sysctls; those of the machine's network are the testbed's."""
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
    """Return the arguments of the SDK's `containers.create`; the labels name this testbed."""
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


def find(client: DockerClient, name: str) -> Container | None:
    """Return the container; None if there is none."""
    import docker  # noqa: PLC0415 - heavy

    with contextlib.suppress(docker.errors.NotFound):
        return client.containers.get(name)
    return None


def is_running(client: DockerClient, name: str) -> bool:
    """Return whether the engine reports that it runs."""
    container = find(client, name)
    return container is not None and bool(container.attrs["State"]["Running"])


def _output(container: Container, *, lines: int | Literal["all"] = LOG_LINES) -> str:
    printed: bytes = container.logs(stdout=True, stderr=True, tail=lines)
    return printed.decode(errors="replace").strip()


def _condition(container: Container) -> str:
    state = container.attrs["State"]
    killed = ", out of memory" if state["OOMKilled"] else ""
    failure = f", {state['Error']}" if state["Error"] else ""
    return (
        f"{state['Status']} (exit status {state['ExitCode']}{killed}{failure});"
        f" its output: {_output(container) or 'nothing'}"
    )


def condition(client: DockerClient, name: str) -> str:
    """Return its state in words and the end of its output; empty if it is gone."""
    container = find(client, name)
    return _condition(container) if container else ""


def require_running(container: Container) -> None:
    """Ask the engine again. Raises InstanceError when the container has ended already."""
    container.reload()
    if not container.attrs["State"]["Running"]:
        raise InstanceError(f"the container ended at once: {_condition(container)}")


def run_inside(client: DockerClient, name: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run a program inside; return its exit status and output."""
    done = client.containers.get(name).exec_run(list(argv))
    assert isinstance(done.output, bytes), "the SDK was not asked for a stream"
    return int(done.exit_code or 0), done.output.decode(errors="replace")


def group(client: DockerClient, name: str, machine: Machine) -> ControlGroup:
    """Return its control group on `machine`. Raises InstanceDiedError when it does not run."""
    container = find(client, name)
    if container is None:
        raise InstanceDiedError(f"container {name} is gone")
    if pid := container.attrs["State"]["Pid"]:
        with contextlib.suppress(FileNotFoundError):
            return cgroup.group_of(pid, machine)
    raise InstanceDiedError(f"{name} does not run: {_condition(container)}")


def publishers(client: DockerClient, port: int) -> list[str]:
    """Return the names of the containers that publish a port of the engine's machine."""
    publishing = client.containers.list(filters={"publish": str(port)})
    return [str(container.name) for container in publishing]


def remove(client: DockerClient, name: str) -> None:
    """Remove it with its processes; no error if it is gone already."""
    import docker  # noqa: PLC0415 - heavy

    if container := find(client, name):
        with contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True, v=True)


def end(client: DockerClient, name: str, *, log: Path) -> None:
    """Stop it, write its output to `log`, and remove it; no error if it is gone already."""
    if container := find(client, name):
        container.stop(timeout=STOP_GRACE_S)
        write_atomic(log, _output(container, lines="all"))
        remove(client, name)
