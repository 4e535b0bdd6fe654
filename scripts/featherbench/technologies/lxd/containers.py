# SPDX-License-Identifier: Apache-2.0
"""The containers: how one is created, confined and reached, and operations on those that exist."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench.contracts.technology import Placement, StartRequest
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.files import write_atomic
from featherbench.ownership import LABEL
from featherbench.records.tuning import Tuning
from featherbench.system import cgroup
from featherbench.system.cgroup import ControlGroup
from featherbench.system.machine import Machine
from featherbench.system.polling import wait_until
from featherbench.technologies._container import command, name_of, published_port
from featherbench.technologies.lxd import resources

if TYPE_CHECKING:
    from pylxd import Client

COMMAND = "FEATHERBENCH_COMMAND"
"""The unit of `resources/technologies/lxd.service` runs what this variable contains."""
DIR = "dir"
"""The storage driver whose containers are folders."""
RUNNING = "Running"
STOP_GRACE_S = 5
GONE_WITHIN_S = 60.0
POLL_S = 0.02
LOG_LINES = 20
JOURNAL = [
    *("journalctl", "--unit=featherbench", "--output=cat", "--no-pager"),
    f"--lines={LOG_LINES}",
]
UNIT_LINE = re.compile(r"\bfeatherbench\[\d+\]: (.*)")
"""A line of the console that the service's unit printed; others are the init system's."""
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")


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
    interface = {"type": "nic", "name": "eth0", "ipv4.address": address}
    made = {"eth0": {**interface, "network": resources.NETWORK}}
    if port := published_port(request):
        listen, connect = f"tcp:{request.placement.address}:{port}", f"tcp:{address}:{port}"
        made["published"] = {"type": "proxy", "nat": "true", "listen": listen, "connect": connect}
    return made


def bare_description(
    name: str, fingerprint: str, storage: str, marks: dict[str, str]
) -> dict[str, Any]:
    """Return LXD's description of a container in the pool of a driver, without profiles."""
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
    marks = resources.marks(request.instance_id, str(request.placement.state))
    fingerprint = request.image.reference["fingerprint"]
    bare = bare_description(name_of(request.instance_id), fingerprint, storage, marks)
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


@contextlib.contextmanager
def _unless_refused() -> Iterator[None]:
    """Leave the block if LXD refuses what it asks for."""
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    with contextlib.suppress(LXDAPIException):
        yield


def status(client: Client, name: str) -> str:
    """Return a container's state in LXD's words; empty if there is none."""
    container = resources.find(client.api.instances, name)
    return "" if container is None else str(container["status"])


def is_running(client: Client, name: str) -> bool:
    """Return whether LXD reports that it runs; the container ends when the service does."""
    return status(client, name) == RUNNING


def first_process(client: Client, name: str) -> int:
    """Return the pid of its first process. Raises InstanceError when it has ended already."""
    state = client.api.instances[name].state.get().json()["metadata"]
    if state["status"] != RUNNING:
        raise InstanceError(f"the container ended at once: {condition(client, name)}")
    return int(state["pid"])


def run_inside(client: Client, name: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run a program inside; return its exit status and output."""
    container = client.api.instances[name]
    request = {"command": list(argv), "record-output": True, "interactive": False}
    response = container["exec"].post(json=request | {"wait-for-websocket": False}).json()
    done = client.operations.wait_for_operation(response["operation"]).metadata
    output = []
    for url in done["output"].values():
        file = client.api
        for part in url.split("/")[2:]:  # after /1.0
            file = file[part]
        output.append(file.get(is_api=False).text)
    return int(done["return"]), "".join(output)


def console(client: Client, name: str) -> str:
    """Return what is new on its console; all of it once the container has ended."""
    with _unless_refused():
        response = client.api.instances[name].console.get(is_api=False)
        lines = ESCAPE.sub("", response.text).splitlines()
        return "\n".join(filter(None, lines))
    return ""


def unit_lines(console_text: str) -> str:
    """Return the last lines that the service's unit printed; of all lines if it printed none."""
    lines = UNIT_LINE.findall(console_text) or console_text.splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _output(client: Client, name: str) -> str:
    if is_running(client, name):
        with _unless_refused():
            exit_status, printed = run_inside(client, name, JOURNAL)
            if exit_status == 0:
                return printed.strip()
    return unit_lines(console(client, name))


def condition(client: Client, name: str) -> str:
    """Return its state in words and the end of the service's output; empty if it is gone."""
    state = status(client, name)
    return state and f"{state.lower()}; its output: {_output(client, name) or 'nothing'}"


def _container_folder(folder: Path, name: str) -> Path:
    """Return the container's own group: its first process may have moved to a child group."""
    folders = (folder, *folder.parents)
    return next((parent for parent in folders if parent.name.endswith(name)), folder)


def group(name: str, pid: int, machine: Machine) -> ControlGroup:
    """Return its control group on `machine`. Raises InstanceDiedError when `pid` is not in it."""
    with contextlib.suppress(FileNotFoundError):
        process_group = cgroup.group_of(pid, machine)
        folders = (process_group.cpu, process_group.cpuacct, process_group.memory)
        cpu, cpuacct, memory = (_container_folder(folder, name) for folder in folders)
        if memory.name.endswith(name):
            return replace(process_group, cpu=cpu, cpuacct=cpuacct, memory=memory)
    raise InstanceDiedError(f"container {name} ended")


def publishers(client: Client, listen: str) -> list[str]:
    """Return the names of the containers that publish `listen`, as LXD writes it."""
    containers = client.api.instances.get(params={"recursion": 1}).json()["metadata"]
    return [
        container["name"]
        for container in containers
        if any(device.get("listen") == listen for device in container["expanded_devices"].values())
    ]


def _ask_to_stop(client: Client, name: str, *, within_s: int, force: bool) -> None:
    """Ask a running container to stop; it may end by itself meanwhile, and LXD refuses then."""
    if is_running(client, name):
        request = {"action": "stop", "timeout": within_s, "force": force}
        with _unless_refused():
            response = client.api.instances[name].state.put(json=request)
            client.operations.wait_for_operation(response.json()["operation"])


def remove(client: Client, name: str) -> None:
    """Remove it with its processes; no error if it is gone already.

    LXD refuses while it works on the container, as when that has just ended or is being created.
    """

    def is_gone() -> bool:
        _ask_to_stop(client, name, within_s=0, force=True)
        with _unless_refused():
            if status(client, name):
                response = client.api.instances[name].delete()
                client.operations.wait_for_operation(response.json()["operation"])
        return not status(client, name)

    wait_until(is_gone, what=f"removal of {name}", within_s=GONE_WITHIN_S, every_s=POLL_S)


def end(client: Client, name: str, *, log: Path) -> None:
    """Stop it, write its console to `log`, and remove it; no error if it is gone already."""
    if not status(client, name):
        return
    _ask_to_stop(client, name, within_s=STOP_GRACE_S, force=False)
    _ask_to_stop(client, name, within_s=0, force=True)
    write_atomic(log, console(client, name) + "\n")
    remove(client, name)
