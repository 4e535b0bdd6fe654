# SPDX-License-Identifier: Apache-2.0
"""Containers that are there: found, looked at, ended."""

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
from featherbench.technologies.lxd.container_spec import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pylxd import Client

    from featherbench.system.cgroup import Group
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
OURS = re.compile(r"\bfeatherbench\[\d+\]: (.*)")
"""A line of the console that our unit printed; the rest is the system's own."""
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")


def status(client: Client, name: str) -> str:
    """Give a container's state in LXD's word; empty when there is none."""
    found = owned_resources.find(client.api.instances, name)
    return "" if found is None else str(found["status"])


def first_process(client: Client, name: str) -> int:
    """Give the pid of its first process. Raises InstanceError when it has ended already."""
    state = client.api.instances[name].state.get().json()["metadata"]
    if state["status"] != RUNNING:
        raise InstanceError(f"the container ended at once: {condition(client, name)}")
    return int(state["pid"])


def run_inside(client: Client, name: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run a program in a container to its end; give its exit status and what it printed."""
    container = client.api.instances[name]
    request = {"command": list(argv), "record-output": True, "interactive": False}
    begun = container["exec"].post(json=request | {"wait-for-websocket": False}).json()
    done = client.operations.wait_for_operation(begun["operation"]).metadata
    printed = []
    for url in done["output"].values():
        kept = client.api
        for part in url.split("/")[2:]:  # after /1.0
            kept = kept[part]
        printed.append(kept.get(is_api=False).text)
    return int(done["return"]), "".join(printed).strip()


def console(client: Client, name: str) -> str:
    """Give what is on its console; nothing when there is nothing new since it was asked before.

    LXD gives all of it once the container has ended.
    """
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    with contextlib.suppress(LXDAPIException):
        said = client.api.instances[name].console.get(is_api=False)
        lines = ESCAPE.sub("", said.text).splitlines()
        return "\n".join(filter(None, lines))
    return ""


def own_lines(console_text: str) -> str:
    """Give the end of what our unit printed; of all that is there, when it printed nothing."""
    lines = OURS.findall(console_text) or console_text.splitlines()
    return "\n".join(lines[-LOG_LINES:])


def output(client: Client, name: str) -> str:
    """Give the end of what the service has printed."""
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    if status(client, name) == RUNNING:
        with contextlib.suppress(LXDAPIException):
            failed, said = run_inside(client, name, JOURNAL)
            if not failed:
                return said
    return own_lines(console(client, name))


def condition(client: Client, name: str) -> str:
    """Give its state in words, with the end of the service's output."""
    state = status(client, name)
    return f"{state.lower()}; it said: {output(client, name) or 'nothing'}"


def _whole(folder: Path, name: str) -> Path:
    """Give the container's own group: its first process may have moved to one below."""
    return next((each for each in (folder, *folder.parents) if each.name.endswith(name)), folder)


def group(name: str, pid: int, machine: Machine) -> Group:
    """Give its control group on `node`. Raises InstanceDiedError when `pid` is not in it."""
    with contextlib.suppress(FileNotFoundError):
        found = cgroup.group_of(pid, machine)
        cpu, cpuacct, memory = (
            _whole(folder, name) for folder in (found.cpu, found.cpuacct, found.memory)
        )
        if memory.name.endswith(name):
            return replace(found, cpu=cpu, cpuacct=cpuacct, memory=memory)
    raise InstanceDiedError(f"container {name} ended")


def publishers(client: Client, listen: str) -> list[str]:
    """Name the containers that have published `listen`, as LXD writes it."""
    everything = client.api.instances.get(params={"recursion": 1}).json()["metadata"]
    return [
        each["name"]
        for each in everything
        if any(device.get("listen") == listen for device in each["expanded_devices"].values())
    ]


def _ask_to_stop(client: Client, name: str, *, within_s: int, force: bool) -> None:
    """Ask a running container to stop; it may end by itself meanwhile, and LXD refuses then."""
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    if status(client, name) == RUNNING:
        request = {"action": "stop", "timeout": within_s, "force": force}
        with contextlib.suppress(LXDAPIException):
            begun = client.api.instances[name].state.put(json=request)
            client.operations.wait_for_operation(begun.json()["operation"])


def remove(client: Client, name: str) -> None:
    """End and remove a container; no error when it is gone already.

    LXD refuses while it is busy with it: when it has just ended by itself, or is being made.
    """
    from pylxd.exceptions import LXDAPIException  # noqa: PLC0415 - heavy

    def is_gone() -> bool:
        _ask_to_stop(client, name, within_s=0, force=True)
        with contextlib.suppress(LXDAPIException):
            if status(client, name):
                begun = client.api.instances[name].delete()
                client.operations.wait_for_operation(begun.json()["operation"])
        return not status(client, name)

    wait_until(is_gone, what=f"removal of {name}", within_s=GONE_WITHIN_S, every_s=POLL_S)


def end(client: Client, instance_id: str, *, log: Path) -> None:
    """Stop a container, keep what was on its console in the file `log`, and remove it."""
    name = name_of(instance_id)
    if not status(client, name):
        return
    _ask_to_stop(client, name, within_s=STOP_GRACE_S, force=False)
    _ask_to_stop(client, name, within_s=0, force=True)
    write_atomic(log, console(client, name) + "\n")
    remove(client, name)
