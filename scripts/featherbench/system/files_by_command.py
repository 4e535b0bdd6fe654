# SPDX-License-Identifier: Apache-2.0
"""Reads and writes small files of a machine where all that can be done is to run programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.system.machine import Machine

READ_WITHIN_S = 30.0
HEADER = re.compile(r"(?:\A|\n)==> (.*) <==\n")


def parse_files(listing: str) -> dict[Path, str]:
    """Read what `tail --verbose` prints: a header before each file, and a line's end between."""
    _, *parts = HEADER.split(listing)
    return {Path(path): text for path, text in zip(parts[::2], parts[1::2], strict=True)}


def read(machine: Machine, paths: Sequence[Path]) -> Mapping[Path, str]:
    """Read those of the files that exist on another machine, all at once."""
    argv = ["tail", "--verbose", "--lines=+1", "--", *map(str, paths)]
    return parse_files(machine.run(argv, timeout_s=READ_WITHIN_S, check=False).stdout)


def write(machine: Machine, path: Path, text: str) -> None:
    """Write to a file of another machine. Raises OSError when it refuses."""
    argv = ["tee", "--", str(path)]
    done = machine.run(argv, timeout_s=READ_WITHIN_S, check=False, stdin=text)
    if done.exit_status != 0:
        raise OSError(done.tail)
