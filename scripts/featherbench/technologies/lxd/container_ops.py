# SPDX-License-Identifier: Apache-2.0
"""Operations on containers that exist."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.files import write_atomic
from featherbench.system import cgroup
from featherbench.system.polling import wait_until
from featherbench.technologies.lxd import owned_resources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pylxd import Client

    from featherbench.system.cgroup import ControlGroup
    from featherbench.system.machine import Machine

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


def status(client: Client, name: str) -> str:
    """Return a container's state in LXD's words; empty if there is none."""
    container = owned_resources.find(client.api.instances, name)
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
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    with contextlib.suppress(LXDAPIException):
        response = client.api.instances[name].console.get(is_api=False)
        lines = ESCAPE.sub("", response.text).splitlines()
        return "\n".join(filter(None, lines))
    return ""


def unit_lines(console_text: str) -> str:
    """Return the last lines that the service's unit printed; of all lines if it printed none."""
    lines = UNIT_LINE.findall(console_text) or console_text.splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _output(client: Client, name: str) -> str:
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    if is_running(client, name):
        with contextlib.suppress(LXDAPIException):
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
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    if is_running(client, name):
        request = {"action": "stop", "timeout": within_s, "force": force}
        with contextlib.suppress(LXDAPIException):
            response = client.api.instances[name].state.put(json=request)
            client.operations.wait_for_operation(response.json()["operation"])


def remove(client: Client, name: str) -> None:
    """Remove it with its processes; no error if it is gone already.

    LXD refuses while it works on the container, as when that has just ended or is being created.
    """
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    def is_gone() -> bool:
        _ask_to_stop(client, name, within_s=0, force=True)
        with contextlib.suppress(LXDAPIException):
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
