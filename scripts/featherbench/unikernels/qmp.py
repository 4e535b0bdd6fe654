# SPDX-License-Identifier: Apache-2.0
"""Queries QEMU's monitor, by its machine protocol (QMP), for the state of its guest.

There is one command per connection: the socket accepts one connection at a time, and must be free
for the next. See https://www.qemu.org/docs/master/interop/qmp-spec.html.
"""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRWPair
from typing import Any

from featherbench.errors import FeatherbenchError
from featherbench.unikernels.commands import monitor_of

ANSWERS_WITHIN_S = 2.0
ENABLED_INTERRUPTS = 1 << 9
"""A bit of the processor's flags."""
REGISTERS = re.compile(r"[ER]FL=([0-9a-f]+).*?HLT=(\d)", re.DOTALL)
RUNNING = "running"
INTERNAL_ERROR = "internal-error"
SHUT_DOWN = "shutdown"
"""The guest has ended, and QEMU is about to end."""
SILENT = "silent"
"""Not a word of QMP: QEMU is running and does not answer."""


class SilentError(FeatherbenchError):
    """QEMU does not answer its monitor."""


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """A connection after the greeting."""

    stream: BufferedRWPair

    def execute(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer to a command; events that arrive before it are ignored."""
        request = {"execute": command, "arguments": arguments}
        self.stream.write(json.dumps(request).encode() + b"\n")
        self.stream.flush()
        while line := self.stream.readline():
            answer = json.loads(line)
            if "return" in answer or "error" in answer:
                return answer.get("return")
        raise SilentError(f"QEMU ended during the command {command}")


@contextmanager
def connected(name: str) -> Iterator[Monitor]:
    """Connect to the monitor of the guest of that name. Raise SilentError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWERS_WITHIN_S)
            connection.connect(f"\0{monitor_of(name)}")
            with connection.makefile("rwb") as stream:
                stream.readline()
                monitor = Monitor(stream=stream)
                monitor.execute("qmp_capabilities")
                yield monitor
    except (OSError, ValueError) as error:
        raise SilentError(f"the monitor of {name} does not answer: {error}") from error


def status(name: str) -> str:
    """Return QEMU's word for the state, such as "running" or "internal-error"; or SILENT."""
    try:
        with connected(name) as monitor:
            return str(monitor.execute("query-status")["status"])
    except SilentError:
        return SILENT


def press_power(name: str) -> None:
    """Press the guest's power button. Raise SilentError."""
    with connected(name) as monitor:
        monitor.execute("system_powerdown")


def parse_is_dead(registers: str) -> bool:
    """Return whether the processor is halted with interrupts off, so that nothing can wake it."""
    match = REGISTERS.search(registers)
    return bool(match and match[2] == "1" and not int(match[1], 16) & ENABLED_INTERRUPTS)


def is_dead(name: str) -> bool:
    """Return whether the guest has stopped its processor for good. Raise SilentError."""
    with connected(name) as monitor:
        arguments = {"command-line": "info registers"}
        return parse_is_dead(str(monitor.execute("human-monitor-command", **arguments)))
