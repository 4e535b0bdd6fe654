# SPDX-License-Identifier: Apache-2.0
"""Asks QEMU, by its machine protocol (QMP), how its guest is.

One question a connection: the socket takes one at a time, and nobody keeps it from the next. See
https://www.qemu.org/docs/master/interop/qmp-spec.html.
"""

from __future__ import annotations

import json
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featherbench.errors import FeatherbenchError
from featherbench.unikernels.qemu_command import monitor_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRWPair

ANSWERS_WITHIN_S = 2.0
ENABLED_INTERRUPTS = 1 << 9
"""In the processor's flags."""
REGISTERS = re.compile(r"[ER]FL=([0-9a-f]+).*?HLT=(\d)", re.DOTALL)
RUNNING = "running"
INTERNAL_ERROR = "internal-error"
SHUT_DOWN = "shutdown"
"""The guest has ended, and QEMU is about to."""
SILENT = "silent"
"""Our own word for a QEMU that is there and does not answer."""


class SilentError(FeatherbenchError):
    """QEMU does not answer its monitor."""


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """A connection that has been greeted."""

    stream: BufferedRWPair

    def ask(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """Give the answer to a command; events that come in between are passed over."""
        question = {"execute": command, "arguments": arguments}
        self.stream.write(json.dumps(question).encode() + b"\n")
        self.stream.flush()
        while line := self.stream.readline():
            said = json.loads(line)
            if "return" in said or "error" in said:
                return said.get("return")
        raise SilentError(f"QEMU ended while it was asked {command}")


@contextmanager
def connected(name: str) -> Iterator[Monitor]:
    """Connect to the monitor of the guest of that name. Raises SilentError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plug:
            plug.settimeout(ANSWERS_WITHIN_S)
            plug.connect(f"\0{monitor_of(name)}")
            with plug.makefile("rwb") as stream:
                stream.readline()
                monitor = Monitor(stream=stream)
                monitor.ask("qmp_capabilities")
                yield monitor
    except (OSError, ValueError) as silent:
        raise SilentError(f"the monitor of {name} does not answer: {silent}") from silent


def status(name: str) -> str:
    """Give QEMU's word for how the guest is, such as "running" or "internal-error"; or SILENT."""
    try:
        with connected(name) as monitor:
            return str(monitor.ask("query-status")["status"])
    except SilentError:
        return SILENT


def press_power(name: str) -> None:
    """Press the guest's power button. Raises SilentError."""
    with connected(name) as monitor:
        monitor.ask("system_powerdown")


def parse_is_dead(registers: str) -> bool:
    """Whether the processor is halted with interrupts off, from which nothing wakes it."""
    found = REGISTERS.search(registers)
    return bool(found and found[2] == "1" and not int(found[1], 16) & ENABLED_INTERRUPTS)


def is_dead(name: str) -> bool:
    """Whether the guest has stopped its processor for good. Raises SilentError."""
    with connected(name) as monitor:
        told = monitor.ask("human-monitor-command", **{"command-line": "info registers"})
        return parse_is_dead(str(told))
