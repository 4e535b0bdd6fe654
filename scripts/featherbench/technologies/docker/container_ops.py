# SPDX-License-Identifier: Apache-2.0
"""Containers that are there: found, looked at, ended."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.files import write_atomic
from featherbench.records.instance import Endpoint
from featherbench.system import cgroup
from featherbench.technologies.docker import network

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from featherbench.contracts.technology import StartRequest
    from featherbench.system.cgroup import Group
    from featherbench.system.machine import Machine

STOP_GRACE_S = 5
LOG_LINES = 20


def find(client: DockerClient, container_id: str) -> Container | None:
    """Give the container; None when there is none."""
    import docker  # noqa: PLC0415 - heavy

    with contextlib.suppress(docker.errors.NotFound):
        return client.containers.get(container_id)
    return None


def output(container: Container, *, lines: int | Literal["all"] = LOG_LINES) -> str:
    """Give the end of what it has printed."""
    said: bytes = container.logs(stdout=True, stderr=True, tail=lines)
    return said.decode(errors="replace").strip()


def condition(container: Container) -> str:
    """Give its state in words, with the end of its output."""
    state = container.attrs["State"]
    killed = ", out of memory" if state["OOMKilled"] else ""
    failure = f", {state['Error']}" if state["Error"] else ""
    return (
        f"{state['Status']} (exit status {state['ExitCode']}{killed}{failure});"
        f" it said: {output(container) or 'nothing'}"
    )


def require_running(container: Container) -> None:
    """Ask the engine anew. Raises InstanceError when the container has ended already."""
    container.reload()
    if not container.attrs["State"]["Running"]:
        raise InstanceError(f"the container ended at once: {condition(container)}")


def endpoint(request: StartRequest, container: Container) -> Endpoint:
    """Say where the client finds a running container.

    Pings go to the container's own address where it has one: this machine would answer those to
    the published address itself.
    """
    networks = container.attrs["NetworkSettings"]["Networks"]
    own = networks.get(network.NAME, {}).get("IPAddress") or request.placement.address
    return Endpoint(
        address=own if request.network == "bridge" else request.placement.address,
        port=request.port or 0,
        ping_address=own,
    )


def group(container: Container, machine: Machine) -> Group:
    """Give its control group on `node`. Raises InstanceDiedError when it does not run."""
    if pid := container.attrs["State"]["Pid"]:
        with contextlib.suppress(FileNotFoundError):
            return cgroup.group_of(pid, machine)
    raise InstanceDiedError(f"{container.name} does not run: {condition(container)}")


def publishers(client: DockerClient, port: int) -> list[str]:
    """Name the containers that have published a port of this machine."""
    return [str(each.name) for each in client.containers.list(filters={"publish": str(port)})]


def remove(container: Container) -> None:
    """Remove a container with its processes; no error when it is gone already."""
    import docker  # noqa: PLC0415 - heavy

    with contextlib.suppress(docker.errors.NotFound):
        container.remove(force=True, v=True)


def end(container: Container, *, log: Path) -> None:
    """Stop a container, keep its output in the file `log`, and remove it."""
    container.stop(timeout=STOP_GRACE_S)
    write_atomic(log, output(container, lines="all"))
    remove(container)
