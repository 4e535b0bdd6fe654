# SPDX-License-Identifier: Apache-2.0
"""The machine that instances run on: this one, or a guest that is reached over a channel.

Drivers of technologies with an engine (Docker, LXD) ask a Node for everything that they need of
the machine besides the engine itself, and so run in a guest as they run here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from featherbench.system import subprocesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

READ_ERRORS = (FileNotFoundError, NotADirectoryError, ProcessLookupError)


class Machine(Protocol):
    """A Linux machine. What it cannot do because it is gone raises InstanceDiedError."""

    def __hash__(self) -> int: ...

    @property
    def name(self) -> str:
        """What a record keeps of it, to find it again; empty for this machine."""
        ...

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run a program there to its end; see `shell.run`."""
        ...

    def read(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Give the content of those of the small text files that exist there."""
        ...

    def write(self, path: Path, text: str) -> None:
        """Write to a file that exists there. Raises OSError when it refuses."""
        ...

    def socket(self, path: Path) -> Path:
        """Give the Unix socket of this machine that leads to the one at `path` there."""
        ...


@dataclass(frozen=True, kw_only=True)
class LocalMachine:
    """The machine that we are on."""

    name: str = ""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run a program to its end."""
        return subprocesses.run(argv, timeout_s=timeout_s, check=check, stdin=stdin)

    def read(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Read those of the files that exist."""
        found = {}
        for path in paths:
            try:
                found[path] = path.read_text()
            except READ_ERRORS:
                continue
        return found

    def write(self, path: Path, text: str) -> None:
        """Write to a file."""
        path.write_text(text)

    def socket(self, path: Path) -> Path:
        """Give the socket itself."""
        return path


LOCAL = LocalMachine()
