# SPDX-License-Identifier: Apache-2.0
"""How many connections a server holds open at once: tried out from the client.

The limits of an image that the user brings are constants of its build, which nobody can read.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.errors import LoadError, VerificationError
from featherbench.services import connection_opener, http

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.contracts.bench import Bench

KEY = "open connections"
"""In the tuning of a cell."""
MARGIN = 8
"""More than the load will open: a server that holds no more than the load stands at its limit."""
WITHIN_S = 10.0
"""A SYN that finds the queue full is sent again after 1, 3 and 7 seconds."""
OVERDUE_S = 20.0
GET = f"GET {http.PATH} HTTP/1.1\r\nHost: featherbench\r\n\r\n"
QUESTIONS = {"http": (GET, "HTTP/1.1 200"), "kv": ("PING\r\n", "+PONG")}
"""By app: what is asked on each connection, and how the answer begins."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the program of `opener` has found."""

    asked: int
    opened: int
    answered: int
    trouble: Mapping[str, int]

    @property
    def told(self) -> str:
        """What became of those that were not answered."""
        return ", ".join(f"{count}: {what}" for what, count in self.trouble.items())

    def __str__(self) -> str:
        others = f" of {self.asked} ({self.told})" if self.trouble else ""
        return f"verified from the client: {self.answered}{others} at once were answered"


def parse(said: str) -> Found:
    """Read what the program prints. Raises LoadError."""
    try:
        return Found(**json.loads(said))
    except (ValueError, TypeError) as unreadable:
        raise LoadError(f"the connections at once cannot be counted from {said!r}") from unreadable


def _tried(bench: Bench, count: int) -> Found:
    question, answer = QUESTIONS[bench.under_test.service]
    at = bench.under_test.endpoint
    program = [sys.executable, "-I", connection_opener.__file__]
    told = [at.address, str(at.port), str(count), str(WITHIN_S), question, answer]
    return parse(bench.client.run([*program, *told], timeout_s=WITHIN_S + OVERDUE_S).stdout)


def verify(bench: Bench, wanted: int) -> str:
    """Open `wanted` connections and a few more, and close them again; say how many were answered.

    Raises VerificationError when the server holds fewer than wanted, InstanceDiedError when it does
    not survive them.
    """
    found = _tried(bench, wanted + MARGIN)
    bench.require_running()
    if found.asked < wanted:
        raise VerificationError(
            f"the client may not have {wanted} connections open at once, only {found.asked}",
            remedy="raise `tuning.nofile`",
        )
    if found.answered < wanted:
        raise VerificationError(
            f"{bench.coordinates.platform} holds fewer than {wanted} connections: of {found.asked}"
            f" at once {found.opened} were opened and {found.answered} answered ({found.told})",
            remedy="build the image with greater limits of open files and of waiting connections"
            " (`constants` in docs/unikernels.md), raise them while it runs (`control`), or give"
            " the server more memory; or leave out such levels of concurrency",
        )
    return str(found)
