# SPDX-License-Identifier: Apache-2.0
"""One guest's life: a tap, a control group of ours, and in that the process that runs the guest.

The group says whose the process is, and ends it with whatever it has started. The tap is made
before it and removed after it, so that a guest of a broken run is found by its tap.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, DeadlineError, InstanceDiedError, InstanceError
from featherbench.system import cgroup, subprocesses
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints, qemu_command, qmp, solo5_command, tap
from featherbench.vm.boot import boot_report
from featherbench.vm.libvirt import vm_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from subprocess import Popen

    from featherbench.records.cell import Usage
    from featherbench.unikernels.guest_spec import Guest
    from featherbench.unikernels.image_description import Console

NATIVE = "native"
"""Stands among the accelerators for a tender that is a plain process."""
POWER_DOWN_WITHIN_S = 5.0
TERMINATE_WITHIN_S = 2.0
ENDS_WITHIN_S = 2.0
"""From when a guest is no more to the end of its process."""
TAIL_CHARACTERS = 1_000

_children: dict[int, Popen[bytes]] = {}
"""The processes that this one has started: their parent alone is told how they end."""


def output_of(log: Path) -> Path:
    """Name the file for what QEMU itself says, beside its guest's console."""
    return log.with_suffix(".hypervisor.log")


def command(guest: Guest) -> list[str]:
    """Give the command that runs a guest."""
    return (
        qemu_command.command(guest)
        if guest.description.backend == "qemu"
        else solo5_command.command(guest)
    )


def _enter(group: cgroup.ControlGroup, cpus: Sequence[int]) -> None:
    cgroup.join(group)
    os.sched_setaffinity(0, cpus)


def _output(guest: Guest) -> Path:
    """Say where the process's output goes: a tender's is the guest's console."""
    is_qemu = guest.description.backend == "qemu"
    return output_of(guest.console) if is_qemu else guest.console


def start(guest: Guest, *, state: str, bridge: str, cpus: Sequence[int]) -> dict[str, float]:
    """Start a guest; its process is there when this returns. Gives how long each step took.

    Raises InstanceError, having removed whatever was made.
    """
    guest.console.parent.mkdir(parents=True, exist_ok=True)
    guest.console.touch()
    group = cgroup.own_group(guest.instance_id)
    began_s = time.monotonic()
    try:
        hypervisor = guest.accelerator or NATIVE
        tap.make(guest.instance_id, hypervisor=hypervisor, state=state, bridge=bridge)
        tapped_s = time.monotonic()
        cgroup.create(group, owner=state)
        process = subprocesses.start(
            command(guest), output=_output(guest), before_exec=partial(_enter, group, cpus)
        )
    except CommandError as missing:
        end(guest.instance_id)
        raise InstanceError(missing.message, remedy=missing.remedy) from missing
    except BaseException:
        end(guest.instance_id)
        raise
    _children[process.pid] = process
    return {"tap": tapped_s - began_s, "process": time.monotonic() - tapped_s}


def pid_of(instance_id: str) -> int | None:
    """Give the pid of a guest's process; None when it has ended."""
    return min(cgroup.members(cgroup.own_group(instance_id)), default=None)


def exit_status(pid: int) -> int | None:
    """Give how a process that has left its group ended; None where another than us started it."""
    child = _children.get(pid)
    if child is None:
        return None
    with suppress(DeadlineError):  # it leaves the group a moment before it is dead
        wait_until(
            lambda: child.poll() is not None, what="the process's end", within_s=ENDS_WITHIN_S
        )
    return child.returncode


def end(instance_id: str) -> None:
    """End a guest's process, and remove group and tap; no error when they are gone already."""
    try:
        cgroup.end(cgroup.own_group(instance_id), grace_s=TERMINATE_WITHIN_S)
    finally:
        tap.remove(instance_id)


def power_down(instance_id: str, name: str) -> None:
    """Press the power button, and give the guest a while to heed it."""
    with suppress(qmp.SilentError, DeadlineError):
        qmp.press_power(name)
        wait_until(
            lambda: pid_of(instance_id) is None,
            what="the guest's end",
            within_s=POWER_DOWN_WITHIN_S,
        )


def usage(instance_id: str) -> Usage:
    """Tell what a guest's process has used. Raises InstanceDiedError when it is gone."""
    pid = pid_of(instance_id)
    if pid is None:
        raise InstanceDiedError(f"the process of the guest {instance_id} is gone")
    found = vm_usage.usage_of(pid, {})
    return found.model_copy(update={"source": found.source.partition("; guest:")[0]})


def said_by(log: Path) -> str:
    """Give all that a file has, as text; nothing when it is not there."""
    return log.read_text(errors="replace") if log.exists() else ""


def _said_by_qemu(log: Path) -> str:
    """Give what QEMU said of its own accord: that we have ended it is no news."""
    lines = said_by(output_of(log)).splitlines()
    return "\n".join(line for line in lines if "terminating on signal" not in line)


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "its process has ended"
    if status < 0:
        return f"its process was killed by signal {-status}"
    return f"its process ended by itself, with status {status}"


def _has_ended(instance_id: str, status: str) -> bool:
    """Whether the process is gone; one whose QEMU has nothing more to say is given time to go."""
    within_s = ENDS_WITHIN_S if status in {qmp.SHUT_DOWN, qmp.SILENT} else 0.0
    with suppress(DeadlineError):
        return wait_until(
            lambda: pid_of(instance_id) is None, what="the guest's end", within_s=within_s
        )
    return False


def _how_it_lives(name: str, status: str) -> str:
    """Say what QEMU, whose process lives and whose word for that is `status`, knows of a guest."""
    if status == qmp.SILENT:
        return "QEMU hangs: it does not answer its monitor"
    if status == qmp.INTERNAL_ERROR:
        return "KVM failed inside (an internal error), and QEMU has stopped the guest"
    if status != qmp.RUNNING:
        return f"QEMU has stopped the guest: {status}"
    with suppress(qmp.SilentError):
        if qmp.is_dead(name):
            return "QEMU runs, but the guest is dead: its processor is halted with interrupts off"
    return "QEMU and the guest run"


def responds(name: str, *, is_qemu: bool) -> bool:
    """Whether QEMU, whose process lives, says that its guest runs, or cannot say."""
    return not is_qemu or qmp.status(name) in {qmp.RUNNING, qmp.SILENT}


def diagnosis(
    *,
    instance_id: str,
    number: int,
    name: str,
    is_qemu: bool,
    log: Path,
    signs: Console,
    answers: Callable[[], str],
) -> str:
    """Say what became of a guest, whose process was `number`, what that means, and its last words.

    `answers` says of one that runs what it does with connections.
    """
    status = qmp.status(name) if is_qemu and pid_of(instance_id) is not None else ""
    if _has_ended(instance_id, status):
        state = _how_it_ended(exit_status(number))
    else:
        state = (_how_it_lives(name, status) if is_qemu else "its process runs") + answers()
    guest_said, own_said = said_by(log), _said_by_qemu(log)
    parts = [state, *console_hints.meanings(signs, guest_said, own_said)]
    if own_said:
        parts.append(f"QEMU said: {own_said[-TAIL_CHARACTERS:]}")
    return "; ".join(parts) + f"; its console said last:\n{boot_report.console_tail(log)}"
