# SPDX-License-Identifier: Apache-2.0
"""A program for the client: opens connections, has each answered once, and holds them all open.

A process of its own, as load generators are, since the client has a network and limits of its own;
so it imports nothing of ours. It prints one JSON object: how many connections it `asked` for, how
many of them were `opened`, how many were `answered` and still open when the last of them was, and
`trouble`: what became of the others, counted.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

SPARE_FILES = 16
"""For what else this process has open."""
HANG_UP_WITHIN_S = 2.0
CHUNK_BYTES = 65_536
KEPT_BYTES = 256
SHOWN_CHARACTERS = 60
NOT_OPENED, NOT_ANSWERED = "not opened", "opened, but not answered"
CLOSED = "closed by the server"


@dataclass(kw_only=True, eq=False)
class Line:
    """One connection: what was heard on it so far, and what is wrong with it."""

    plug: socket.socket
    opened: bool = False
    heard: bytes = b""
    answered: bool = False
    trouble: str = ""

    @property
    def waits(self) -> bool:
        """Whether something is still to come."""
        return not self.answered and not self.trouble

    def dial(self, at: tuple[str, int]) -> None:
        """Begin to connect."""
        self.plug.settimeout(0)
        error = self.plug.connect_ex(at)
        if error not in (0, errno.EINPROGRESS):
            self.trouble = os.strerror(error)

    def ask(self, question: bytes) -> None:
        """Ask, once it is connected or has failed."""
        error = self.plug.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.trouble = os.strerror(error)
            return
        self.opened = True
        try:
            self.plug.sendall(question)
        except OSError as failed:
            self.trouble = os.strerror(failed.errno or 0)

    def hear(self, answer: bytes) -> None:
        """Take what has come; an end is trouble even after the answer, for it is held no more."""
        try:
            said = self.plug.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as failed:
            self.trouble = os.strerror(failed.errno or 0)
            return
        self.heard += said[: KEPT_BYTES - len(self.heard)]
        self.answered = self.heard.startswith(answer)
        if not answer.startswith(self.heard[: len(answer)]):
            self.trouble = f"answered {_first_line(self.heard)!r}"
        elif not said:
            self.trouble = CLOSED

    @property
    def outcome(self) -> str:
        """What became of it in the end, if it is not well."""
        if self.trouble or self.answered:
            return self.trouble
        return NOT_ANSWERED if self.opened else NOT_OPENED


def _first_line(said: bytes) -> str:
    return said.decode(errors="replace").partition("\n")[0].strip()[:SHOWN_CHARACTERS]


def affordable(count: int) -> int:
    """Give how many of `count` connections this process may have open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return count if soft == resource.RLIM_INFINITY else max(0, min(count, soft - SPARE_FILES))


def hold(lines: list[Line], question: bytes, answer: bytes, deadline_s: float) -> None:
    """Have each line answered, and see whether any has been closed meanwhile."""
    with selectors.DefaultSelector() as selector:
        for line in lines:
            if line.waits:
                selector.register(line.plug, selectors.EVENT_WRITE, line)
        while any(line.waits for line in lines) and time.monotonic() < deadline_s:
            _serve(selector, question, answer, max(0.0, deadline_s - time.monotonic()))
        _serve(selector, question, answer, 0.0)


def _serve(
    selector: selectors.BaseSelector, question: bytes, answer: bytes, within_s: float
) -> None:
    for key, _ in selector.select(within_s):
        line: Line = key.data
        if key.events == selectors.EVENT_WRITE:
            line.ask(question)
            selector.modify(line.plug, selectors.EVENT_READ, line)
        else:
            line.hear(answer)
        if line.trouble:
            selector.unregister(line.plug)


def hang_up(lines: list[Line], deadline_s: float) -> None:
    """Close all, and wait until the server has closed its ends of those that are well."""
    for line in lines:
        with suppress(OSError):
            line.plug.shutdown(socket.SHUT_WR)
    for line in lines:
        if line.answered and not line.trouble:
            line.plug.settimeout(max(0.001, deadline_s - time.monotonic()))
            with suppress(OSError):
                while line.plug.recv(CHUNK_BYTES):
                    pass
        line.plug.close()


def run(at: tuple[str, int], count: int, within_s: float, question: str, answer: str) -> str:
    """Do it all, and give what is to be printed."""
    lines = [Line(plug=socket.socket()) for _ in range(affordable(count))]
    for line in lines:
        line.dial(at)
    hold(lines, question.encode(), answer.encode(), time.monotonic() + within_s)
    found = {
        "asked": len(lines),
        "opened": sum(line.opened for line in lines),
        "answered": sum(not line.outcome for line in lines),
        "trouble": Counter(line.outcome for line in lines if line.outcome),
    }
    hang_up(lines, time.monotonic() + HANG_UP_WITHIN_S)
    return json.dumps(found)


if __name__ == "__main__":
    address, port, count, within_s, question, answer = sys.argv[1:]
    sys.stdout.write(run((address, int(port)), int(count), float(within_s), question, answer))
