# SPDX-License-Identifier: Apache-2.0
"""Test from the client how many connections a server holds open at once.

The limits of an image that the user brings are constants of its build, which cannot be read.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from featherbench.contracts.bench import Bench
from featherbench.errors import LoadError, VerificationError
from featherbench.services import connection_opener, http, kv

MARGIN = 8
"""More than the load will open: a server that holds no more than the load is at its limit."""
WITHIN_S = 10.0
"""A SYN that meets a full queue is sent again after 1, 3 and 7 seconds."""
PER_CONNECTION_S = 0.002
OVERDUE_S = 20.0
EXCHANGES = {"http": http.EXCHANGE, "kv": kv.EXCHANGE}
"""By service: the request on each connection, and how the answer begins."""


@dataclass(frozen=True, kw_only=True)
class ConnectionCount:
    """What `connection_opener` counted."""

    asked: int
    opened: int
    answered: int
    trouble: Mapping[str, int]

    @property
    def failures(self) -> str:
        """What happened to those that were not answered."""
        return ", ".join(f"{count}: {failure}" for failure, count in self.trouble.items())

    def __str__(self) -> str:
        others = f" of {self.asked} ({self.failures})" if self.trouble else ""
        return f"verified from the client: {self.answered}{others} at once were answered"


def parse(output: str) -> ConnectionCount:
    """Parse what the program prints. Raises LoadError."""
    try:
        return ConnectionCount(**json.loads(output))
    except (ValueError, TypeError) as unreadable:
        raise LoadError(f"there is no count of open connections in {output!r}") from unreadable


def _count(bench: Bench, count: int) -> ConnectionCount:
    request, answer = EXCHANGES[bench.under_test.service]
    endpoint = bench.under_test.endpoint
    program = [sys.executable, "-I", connection_opener.__file__]
    within_s = WITHIN_S + PER_CONNECTION_S * count
    arguments = [endpoint.address, str(endpoint.port), str(count), str(within_s), request, answer]
    done = bench.client.run([*program, *arguments], timeout_s=within_s + OVERDUE_S)
    return parse(done.stdout)


def verify(bench: Bench, needed: int) -> str:
    """Open `needed` connections and a few more, and close them; return how many were answered.

    Raises VerificationError when the server holds fewer than needed, InstanceDiedError when it
    does not survive them.
    """
    count = _count(bench, needed + MARGIN)
    bench.require_running()
    if count.asked < needed:
        raise VerificationError(
            f"the client may not have {needed} connections open at once, only {count.asked}",
            remedy="raise `tuning.nofile`",
        )
    if count.answered < needed:
        raise VerificationError(
            f"{bench.coordinates.platform} holds fewer than {needed} connections: of {count.asked}"
            f" at once {count.opened} were opened and {count.answered} answered ({count.failures})",
            remedy="build the image with greater limits of open files and of waiting connections"
            " (`constants` in docs/unikernels.md), raise them while it runs (`control`), or give"
            " the server more memory; or leave out such numbers of connections",
        )
    return str(count)
