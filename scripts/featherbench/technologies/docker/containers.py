# SPDX-License-Identifier: Apache-2.0
"""The containers and their network: how they are made, confined and reached; operations on them."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from featherbench.contracts.technology import StartRequest
from featherbench.errors import InstanceDiedError, InstanceError, TestbedError
from featherbench.files import write_atomic
from featherbench.ownership import LABEL
from featherbench.services.launcher import SCRATCH, SERVICE_UID
from featherbench.system import cgroup
from featherbench.system.cgroup import ControlGroup
from featherbench.system.machine import Machine
from featherbench.system.polling import wait_until
from featherbench.system.processes import identity_of, send
from featherbench.technologies._container import command, name_of, published_port

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

NETWORK = LABEL
BRIDGE = "fb-docker0"
STATE_LABEL = f"{LABEL}.state"
FIRST_WITH_GATEWAY_MODE = (1, 48)
"""Engines from this API version drop packets that are routed to a container's address."""
TMPFS = {SCRATCH: "rw,noexec,nosuid,nodev,size=16m,mode=1777"}
LOG_FILES = {"max-size": "1m", "max-file": "1"}
STOP_GRACE_S = 5
LOG_LINES = 20
CGROUPS = Path("/sys/fs/cgroup")
GROUPS = tuple(
    f"{controllers}{group}"
    for controllers in ("", "*/")
    for group in ("docker/%s", "system.slice/docker-%s.scope")
)
"""Of a container by its id: version 2 has one, version 1 one for each of the controllers."""
GONE_WITHIN_S = 10.0


def driver_options(api_version: str) -> dict[str, str]:
    """Return the bridge's options for an engine with that API version."""
    options = {"com.docker.network.bridge.name": BRIDGE}
    if tuple(map(int, api_version.split("."))) >= FIRST_WITH_GATEWAY_MODE:
        options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected"
    return options


def network_description(subnet: str, state: str, api_version: str) -> dict[str, Any]:
    """Return the network as the engine's API describes it."""
    from docker.types import IPAMConfig, IPAMPool  # noqa: PLC0415 - heavy

    pool = IPAMPool(subnet=subnet, gateway=str(ipaddress.IPv4Network(subnet)[1]))
    return {
        "Driver": "bridge",
        "Options": driver_options(api_version),
        "Labels": {LABEL: "network", STATE_LABEL: state},
        "IPAM": IPAMConfig(pool_configs=[pool]),
    }


def _contains(actual: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> bool:
    return all((actual or {}).get(key) == value for key, value in expected.items())


def network_matches(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Compare the engine's description of a network, which may contain more, with the expected."""
    (pool,) = expected["IPAM"]["Config"]
    pools = (actual.get("IPAM") or {}).get("Config") or [{}]
    return (
        actual.get("Driver") == expected["Driver"]
        and _contains(actual.get("Options"), expected["Options"])
        and _contains(actual.get("Labels"), expected["Labels"])
        and all(pools[0].get(key) == pool[key] for key in ("Subnet", "Gateway"))
    )


def make_network(client: DockerClient, *, subnet: str, state: str) -> None:
    """Make the network, or again if it differs. Raise TestbedError if it is not featherbench's."""
    expected = network_description(subnet, state, client.api.api_version)
    networks = client.networks.list(names=[NETWORK])
    network = next((network for network in networks if network.name == NETWORK), None)
    if network is not None and network_matches(network.attrs, expected):
        return
    if network is not None:
        if LABEL not in (network.attrs.get("Labels") or {}):
            raise TestbedError(
                f"the Docker engine has a network named {NETWORK!r} that is not featherbench's",
                remedy=f"rename it, or remove it: docker network rm {NETWORK}",
            )
        network.remove()
    client.networks.create(
        NETWORK,
        driver=expected["Driver"],
        options=expected["Options"],
        labels=expected["Labels"],
        ipam=expected["IPAM"],
    )


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
        "network": "host" if in_host_network else NETWORK,
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
        "labels": {LABEL: request.instance_id, STATE_LABEL: str(request.placement.state)},
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


def runtime(client: DockerClient, name: str) -> str:
    """Return the name of the runtime that runs it."""
    return str(client.containers.get(name).attrs["HostConfig"]["Runtime"])


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
        _end_rest(str(container.id))


def _end_rest(container_id: str) -> None:
    """End what a runtime has left of a container on this machine: runsc does after a failure."""
    folders = [folder for pattern in GROUPS for folder in CGROUPS.glob(pattern % container_id)]

    def is_gone() -> bool:
        for folder in filter(Path.exists, folders):
            with contextlib.suppress(OSError):
                pids = (folder / "cgroup.procs").read_text(encoding="utf-8").split()
                for process in filter(None, map(identity_of, map(int, pids))):
                    send(process, signal.SIGKILL)
                folder.rmdir()
        return not any(map(Path.exists, folders))

    wait_until(is_gone, what=f"the end of container {container_id}", within_s=GONE_WITHIN_S)


def end(client: DockerClient, name: str, *, log: Path) -> None:
    """Stop it, write its output to `log`, and remove it; no error if it is gone already."""
    if container := find(client, name):
        container.stop(timeout=STOP_GRACE_S)
        write_atomic(log, _output(container, lines="all"))
        remove(client, name)
