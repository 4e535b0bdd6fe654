# SPDX-License-Identifier: Apache-2.0
"""A Linux machine: what runs programs, holds files, and has CPUs and counters.

The machine may be this one, one that is reached by ssh (`system/ssh.py`), or any other thing that
can wrap a command. Drivers, the testbed and the measurements ask a Machine for everything that
belongs to a computer, so that none of them assumes which computer that is.
"""

from __future__ import annotations

import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.system import procfs, subprocesses

if TYPE_CHECKING:
    import subprocess

READ_ERRORS = (FileNotFoundError, NotADirectoryError, ProcessLookupError)
ACCESS_TIMEOUT_S = 30.0
FILE_HEADER = re.compile(r"(?:\A|\n)==> (.*) <==\n")
STAT, VMSTAT = Path("/proc/stat"), Path("/proc/vmstat")
MEMORY_PRESSURE = Path("/proc/pressure/memory")
OWN_STATUS = Path("/proc/self/status")
CPUS = Path("/sys/devices/system/cpu")


def parse_files(listing: str) -> dict[Path, str]:
    """Parse the output of `tail --verbose`: a header before each file, a newline between files."""
    _, *parts = FILE_HEADER.split(listing)
    return {Path(path): text for path, text in zip(parts[::2], parts[1::2], strict=True)}


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a machine has counted since it started."""

    cpus: Mapping[int, procfs.CpuTicks]
    swapped_pages: int
    memory_stalled_s: float = 0.0

    def __sub__(self, earlier: Counters) -> Counters:
        spent = {cpu: self.cpus[cpu] - ticks for cpu, ticks in earlier.cpus.items()}
        return Counters(
            cpus=spent,
            swapped_pages=self.swapped_pages - earlier.swapped_pages,
            memory_stalled_s=self.memory_stalled_s - earlier.memory_stalled_s,
        )


class Machine(ABC):
    """A Linux machine. The defaults need nothing but `command`.

    `name` finds the machine again from a record (see `ssh.machine_named`); `description` names it
    in messages. A machine that is gone raises InstanceDiedError, or MachineSilentError where it is
    not an instance of ours.
    """

    name: str
    description: str

    @abstractmethod
    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command of this machine that runs `argv` on that one."""

    @abstractmethod
    def put(self, file: Path, to: Path) -> None:
        """Copy a file of this machine to that one. Raises CommandError or OSError."""

    @abstractmethod
    def socket(self, path: Path) -> Path:
        """Return the Unix socket of this machine that leads to the one at `path` on that one."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, check: bool = True, stdin: str | None = None
    ) -> subprocesses.Completed:
        """Run a program to its end; see `subprocesses.run`."""
        return subprocesses.run(self.command(argv), timeout_s=timeout_s, check=check, stdin=stdin)

    def start(self, argv: Sequence[str], *, output: Path) -> subprocess.Popen[bytes]:
        """Start a long program whose output goes to a file of this machine."""
        return subprocesses.start(self.command(argv), output=output)

    def converse(self, argv: Sequence[str]) -> subprocesses.Conversation:
        """Start a long program that answers line by line."""
        return subprocesses.Conversation(self.command(argv))

    def read(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Return the content of those of the small text files that exist."""
        argv = ["tail", "--verbose", "--lines=+1", "--", *map(str, paths)]
        return parse_files(self.run(argv, timeout_s=ACCESS_TIMEOUT_S, check=False).stdout)

    def write(self, path: Path, text: str) -> None:
        """Write to a file. Raises OSError when the machine refuses."""
        argv = ["tee", "--", str(path)]
        done = self.run(argv, timeout_s=ACCESS_TIMEOUT_S, check=False, stdin=text)
        if done.exit_status != 0:
            raise OSError(done.tail)

    def cores(self, named: Collection[int] = ()) -> dict[int, frozenset[int]]:
        """Map each CPU that programs use to all CPUs of its core.

        `named` are those that the user asks for: programs may use them although they do not by
        themselves, as with `isolcpus`.
        """
        basics = self.read([CPUS / "online", OWN_STATUS])
        online = procfs.parse_cpu_list(basics[CPUS / "online"])
        allowed = procfs.parse_allowed_cpus(basics[OWN_STATUS]) & online
        allowed |= {cpu for cpu in online & set(named) - allowed if self._may_use(cpu)}
        files = {cpu: CPUS / f"cpu{cpu}/topology/thread_siblings_list" for cpu in sorted(allowed)}
        siblings = self.read(list(files.values()))
        return {
            cpu: (procfs.parse_cpu_list(siblings.get(file, "")) | {cpu}) & online
            for cpu, file in files.items()
        }

    def _may_use(self, cpu: int) -> bool:
        argv = ["taskset", "-c", str(cpu), "true"]
        return self.run(argv, timeout_s=ACCESS_TIMEOUT_S, check=False).exit_status == 0

    def counters(self) -> Counters:
        """Read the counters of the CPUs, of the swap and, if there are any, of memory pressure."""
        files = self.read([STAT, VMSTAT, MEMORY_PRESSURE])
        return Counters(
            cpus=procfs.parse_cpu_ticks(files[STAT]),
            swapped_pages=procfs.parse_swapped_pages(files[VMSTAT]),
            memory_stalled_s=procfs.parse_stalled_s(files.get(MEMORY_PRESSURE, "")),
        )


@dataclass(frozen=True, kw_only=True)
class LocalMachine(Machine):
    """The machine that this process runs on."""

    name: str = ""
    description: str = field(default="this machine", compare=False)

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the program itself."""
        return list(argv)

    def read(self, paths: Sequence[Path]) -> Mapping[Path, str]:
        """Read the files that exist."""
        texts = {}
        for path in paths:
            try:
                texts[path] = path.read_text(encoding="utf-8")
            except READ_ERRORS:
                continue
        return texts

    def write(self, path: Path, text: str) -> None:
        """Write to the file."""
        path.write_text(text, encoding="utf-8")

    def put(self, file: Path, to: Path) -> None:
        """Copy the file, unless it is there already."""
        if file.resolve() != to.resolve():
            shutil.copyfile(file, to)

    def socket(self, path: Path) -> Path:
        """Return the socket itself."""
        return path


LOCAL = LocalMachine()
