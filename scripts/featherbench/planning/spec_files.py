# SPDX-License-Identifier: Apache-2.0
"""Specs as params that Snakemake compares as text, and that jobs get as files."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from featherbench.files import write_atomic

FOLDER = Path("results/specs")


class SpecParam(str):
    """A spec's canonical JSON. `{params.spec:file}` in a command stands for a file with it.

    Snakemake formats a command directly before it runs it, in the process that runs it: the file is
    written there and then, so that it always holds the params that Snakemake compares and records,
    also on another machine and after a killed run. In a dry run nothing is written.
    """

    __slots__ = ("dry_run", "file")
    file: Path
    dry_run: bool

    def __new__(cls, content: str, *, job: str, dry_run: bool) -> Self:
        """Return the param of a job, such as `measure/linux-native/http/d1/c1`."""
        param = super().__new__(cls, content)
        param.file = FOLDER / f"{job}.json"
        param.dry_run = dry_run
        return param

    def __format__(self, format_spec: str) -> str:
        if format_spec != "file":
            return super().__format__(format_spec)
        if not self.dry_run and not self._is_written():
            write_atomic(self.file, self)
        return str(self.file)

    def _is_written(self) -> bool:
        return self.file.exists() and self.file.read_text() == self
