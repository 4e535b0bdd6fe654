# SPDX-License-Identifier: Apache-2.0
"""A program for the client: open connections, get an answer on each, and hold all of them open.

It is a process of its own, as load generators are, because the client has its own network and
limits; so it imports nothing of this package. It prints one JSON object: how many connections it
`asked` for, how many of them were `opened`, how many were `answered` and still open when the last
one was, and `trouble`: the number of the other connections by what happened to them.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

SPARE_FILES = 16
"""For the other files of this process."""
CLOSE_WITHIN_S = 2.0
POLL_S = 0.01
CHUNK_BYTES = 65_536
KEPT_BYTES = 256
SHOWN_CHARACTERS = 60
NOT_OPENED, NOT_ANSWERED = "not opened", "opened, but not answered"
CLOSED = "closed by the server"


@dataclass(kw_only=True, eq=False)
class Connection:
    """One connection, and its error, if any."""

    writer: asyncio.StreamWriter | None = None
    answered: bool = False
    trouble: str = ""

    async def hold(self, address: tuple[str, int], request: bytes, answer: bytes) -> None:
        """Open it, send the request, and read on: an end is an error even after the answer."""
        received = b""
        try:
            reader, self.writer = await asyncio.open_connection(*address)
            self.writer.write(request)
            while chunk := await reader.read(CHUNK_BYTES):
                received += chunk[: KEPT_BYTES - len(received)]
                self.answered = received.startswith(answer)
                if not answer.startswith(received[: len(answer)]):
                    line = received.decode(errors="replace").partition("\n")[0].strip()
                    self.trouble = f"answered {line[:SHOWN_CHARACTERS]!r}"
                    return
            self.trouble = CLOSED
        except OSError as failed:
            self.trouble = os.strerror(failed.errno or 0)

    @property
    def failure(self) -> str:
        """What happened to it in the end; empty if it is open and answered."""
        if self.trouble or self.answered:
            return self.trouble
        return NOT_ANSWERED if self.writer else NOT_OPENED


def affordable(count: int) -> int:
    """Return how many of `count` connections this process may have open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return count if soft == resource.RLIM_INFINITY else max(0, min(count, soft - SPARE_FILES))


async def exchange(
    address: tuple[str, int], count: int, within_s: float, request: bytes, answer: bytes
) -> dict[str, object]:
    """Get an answer on each connection, count those still open then, and close all."""
    connections = [Connection() for _ in range(count)]
    held = [asyncio.create_task(each.hold(address, request, answer)) for each in connections]
    deadline_s = time.monotonic() + within_s
    while any(not (each.answered or each.trouble) for each in connections):
        if time.monotonic() > deadline_s:
            break
        await asyncio.sleep(POLL_S)
    await asyncio.sleep(POLL_S)  # for ends that came with the last answer
    failures = [each.failure for each in connections]
    writers = [each.writer for each in connections if each.writer]
    for writer in writers:
        with suppress(OSError):
            writer.write_eof()
    ending = [task for task, failure in zip(held, failures, strict=True) if not failure]
    if ending:  # the server closes its ends, too
        await asyncio.wait(ending, timeout=CLOSE_WITHIN_S)
    for writer in writers:
        writer.close()
    trouble = Counter(filter(None, failures))
    answered = count - trouble.total()
    return {"asked": count, "opened": len(writers), "answered": answered, "trouble": trouble}


def run(address: tuple[str, int], count: int, within_s: float, request: str, answer: str) -> str:
    """Open `count` connections, get their answers, close them; return what is to be printed."""
    words = request.encode(), answer.encode()
    return json.dumps(asyncio.run(exchange(address, affordable(count), within_s, *words)))


if __name__ == "__main__":
    address, port, count, within_s, request, answer = sys.argv[1:]
    sys.stdout.write(run((address, int(port)), int(count), float(within_s), request, answer))
