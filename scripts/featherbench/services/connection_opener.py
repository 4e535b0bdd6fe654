# SPDX-License-Identifier: Apache-2.0
"""A program for the client: open connections, get an answer on each, and hold all of them open.

It is a process of its own, as load generators are, because the client has its own network and
limits; so it imports nothing of this package. It prints one JSON object: how many connections it
`asked` for, how many of them were `opened`, how many were `answered` and still open when the last
one was, and `trouble`: the number of the other connections by what happened to them.
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
"""For the other files of this process."""
CLOSE_WITHIN_S = 2.0
CHUNK_BYTES = 65_536
KEPT_BYTES = 256
SHOWN_CHARACTERS = 60
NOT_OPENED, NOT_ANSWERED = "not opened", "opened, but not answered"
CLOSED = "closed by the server"


@dataclass(kw_only=True, eq=False)
class Connection:
    """One connection: the beginning of what it received, and its error, if any."""

    socket: socket.socket
    opened: bool = False
    received: bytes = b""
    answered: bool = False
    trouble: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether its answer has not come yet."""
        return not self.answered and not self.trouble

    def connect(self, address: tuple[str, int]) -> None:
        """Begin to connect."""
        self.socket.settimeout(0)
        error = self.socket.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            self.trouble = os.strerror(error)

    def send(self, request: bytes) -> None:
        """Send the request, once the socket is connected or has failed."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.trouble = os.strerror(error)
            return
        self.opened = True
        try:
            self.socket.sendall(request)
        except OSError as failed:
            self.trouble = os.strerror(failed.errno or 0)

    def receive(self, answer: bytes) -> None:
        """Read what has come. An end is an error even after the answer: it is no longer open."""
        try:
            chunk = self.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as failed:
            self.trouble = os.strerror(failed.errno or 0)
            return
        self.received += chunk[: KEPT_BYTES - len(self.received)]
        self.answered = self.received.startswith(answer)
        if not answer.startswith(self.received[: len(answer)]):
            self.trouble = f"answered {_first_line(self.received)!r}"
        elif not chunk:
            self.trouble = CLOSED

    @property
    def failure(self) -> str:
        """What happened to it in the end; empty if it is open and answered."""
        if self.trouble or self.answered:
            return self.trouble
        return NOT_ANSWERED if self.opened else NOT_OPENED


def _first_line(received: bytes) -> str:
    return received.decode(errors="replace").partition("\n")[0].strip()[:SHOWN_CHARACTERS]


def affordable(count: int) -> int:
    """Return how many of `count` connections this process may have open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return count if soft == resource.RLIM_INFINITY else max(0, min(count, soft - SPARE_FILES))


def exchange(
    connections: list[Connection], request: bytes, answer: bytes, deadline_s: float
) -> None:
    """Get an answer on each connection, and check whether any was closed meanwhile."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            if connection.is_pending:
                selector.register(connection.socket, selectors.EVENT_WRITE, connection)
        while (
            any(connection.is_pending for connection in connections)
            and time.monotonic() < deadline_s
        ):
            _serve_events(selector, request, answer, max(0.0, deadline_s - time.monotonic()))
        _serve_events(selector, request, answer, 0.0)


def _serve_events(
    selector: selectors.BaseSelector, request: bytes, answer: bytes, within_s: float
) -> None:
    for key, _ in selector.select(within_s):
        connection: Connection = key.data
        if key.events == selectors.EVENT_WRITE:
            connection.send(request)
            selector.modify(connection.socket, selectors.EVENT_READ, connection)
        else:
            connection.receive(answer)
        if connection.trouble:
            selector.unregister(connection.socket)


def close(connections: list[Connection], deadline_s: float) -> None:
    """Close all, and wait until the server has closed its ends of those without an error."""
    for connection in connections:
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_WR)
    for connection in connections:
        if connection.answered and not connection.trouble:
            connection.socket.settimeout(max(0.001, deadline_s - time.monotonic()))
            with suppress(OSError):
                while connection.socket.recv(CHUNK_BYTES):
                    pass
        connection.socket.close()


def run(address: tuple[str, int], count: int, within_s: float, request: str, answer: str) -> str:
    """Open `count` connections, get their answers, close them; return what is to be printed."""
    connections = [Connection(socket=socket.socket()) for _ in range(affordable(count))]
    for connection in connections:
        connection.connect(address)
    exchange(connections, request.encode(), answer.encode(), time.monotonic() + within_s)
    counts = {
        "asked": len(connections),
        "opened": sum(connection.opened for connection in connections),
        "answered": sum(not connection.failure for connection in connections),
        "trouble": Counter(connection.failure for connection in connections if connection.failure),
    }
    close(connections, time.monotonic() + CLOSE_WITHIN_S)
    return json.dumps(counts)


if __name__ == "__main__":
    address, port, count, within_s, request, answer = sys.argv[1:]
    sys.stdout.write(run((address, int(port)), int(count), float(within_s), request, answer))
