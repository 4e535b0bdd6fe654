# SPDX-License-Identifier: Apache-2.0
"""The client: where the load comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.system import subprocesses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class LocalClient:
    """The client on this machine: see `measuring.bench.Client`.

    `namespace` is the network namespace's file; None on loopback. `nofile` is the limit of open
    files of its programs; None leaves the one there is.
    """

    address: str
    cpus: tuple[int, ...]
    namespace: Path | None
    nofile: int | None

    def command(self, argv: Sequence[str]) -> list[str]:
        """Wrap `argv` so that it runs at the client: its network, CPUs and limits.

        Each of the wrappers replaces itself by the next, so there is one process in the end.
        nsenter, and not `ip netns exec`, which also makes a mount namespace each time.
        """
        network = [] if self.namespace is None else ["nsenter", f"--net={self.namespace}"]
        limit = [] if self.nofile is None else ["prlimit", f"--nofile={self.nofile}:{self.nofile}"]
        pinned = ["taskset", "-c", ",".join(map(str, self.cpus))]
        return [*network, *limit, *pinned, *argv]

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True
    ) -> subprocesses.Completed:
        """Run a program at the client to its end; see `shell.run`."""
        return subprocesses.run(self.command(argv), timeout_s=timeout_s, check=check)
