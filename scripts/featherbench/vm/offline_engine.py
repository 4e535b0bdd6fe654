# SPDX-License-Identifier: Apache-2.0
"""Runs a guest's engine on the guest's disk without booting the guest.

To import an image into an engine, no guest has to boot, which takes minutes under emulation: the
engine runs on this machine, in its own namespaces, with the disk as their root. The engine and
everything that was mounted for it end with this process.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, DeadlineError, ImageError, remedy_of
from featherbench.paths import resource
from featherbench.system import subprocesses
from featherbench.system.machine import Machine
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    import subprocess

SCRIPT = resource("vm/engine_on_disk.sh")
NAMESPACES = ("--mount", "--net", "--ipc", "--pid")
STARTED_WITHIN_S = 60.0
ENDED_WITHIN_S = 60.0
LOOK_WITHIN_S = 10.0
ANSWER_WITHIN_S = 30.0
POLL_S = 0.1
TAIL_CHARACTERS = 600
REMEDY = "check that loop devices work: losetup --find; `modprobe loop` makes them available"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The command that starts an engine without systemd, and one that succeeds once it answers."""

    start: tuple[str, ...]
    question: tuple[str, ...]


ENGINES = {
    "docker": Engine(start=("dockerd", "--iptables=false"), question=("docker", "version")),
    "lxd": Engine(start=("lxd", "--group", "root"), question=("lxd", "waitready", "--timeout=20")),
}
"""By technology."""


@dataclass(frozen=True, kw_only=True)
class DiskMachine(Machine):
    """The programs on a guest's disk, run beside its engine, whose first process is `pid`."""

    pid: int
    description: str = field(default="the guest's disk", compare=False)

    @property
    def name(self) -> str:  # type: ignore[override]  # follows from the process
        """Return the folder that is the disk's root."""
        return f"/proc/{self.pid}/root"

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs a program of the disk's beside the engine."""
        return ["nsenter", f"--target={self.pid}", *NAMESPACES, "--root", "--wd", "--", *argv]

    def put(self, file: Path, to: Path) -> None:
        """Copy a file to the disk."""
        shutil.copyfile(file, f"{self.name}{to}")

    def socket(self, path: Path) -> Path:
        """Return the socket as this machine sees it: links on the disk are resolved there."""
        target = self.run(["readlink", "--canonicalize", str(path)], timeout_s=LOOK_WITHIN_S)
        return Path(f"{self.name}{target.stdout.strip()}")


def _first_process(pid: int) -> int | None:
    """Return the first process of the namespaces, once it exists; `pid` is its parent's."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return int(children[0]) if children else None


def _machine_with(pid: int) -> DiskMachine | None:
    """Return the machine once the first process has the disk as its root; `pid` is its parent's."""
    first = _first_process(pid)
    if first is None:
        return None
    machine = DiskMachine(pid=first)
    return machine if Path(machine.name).stat().st_dev != Path("/").stat().st_dev else None


def _answering_machine(running: subprocess.Popen[bytes], engine: Engine) -> DiskMachine | None:
    """Return the machine once its engine answers. Raise ImageError if the engine has ended."""
    if running.poll() is not None:
        raise ImageError(f"it ended with status {running.returncode}", remedy=REMEDY)
    try:
        machine = _machine_with(running.pid)
    except (FileNotFoundError, ProcessLookupError):  # it is about to end
        return None
    if machine is None:
        return None
    answer = machine.run(engine.question, timeout_s=ANSWER_WITHIN_S, check=False)
    return machine if answer.exit_status == 0 else None


def _end(running: subprocess.Popen[bytes], machine: DiskMachine) -> None:
    """End the engine, and wait for its end. Raise DeadlineError if it does not end."""
    os.kill(machine.pid, signal.SIGTERM)
    wait_until(
        lambda: running.poll() is not None, what="its end", within_s=ENDED_WITHIN_S, every_s=POLL_S
    )


def _kill(running: subprocess.Popen[bytes]) -> None:
    """Kill what still runs; the parent of the first process ends after it."""
    if running.poll() is None:
        os.kill(_first_process(running.pid) or running.pid, signal.SIGKILL)
        running.wait()


@contextmanager
def engine_on(disk: Path, technology: str, *, log: Path) -> Iterator[DiskMachine]:
    """Run a technology's engine on a disk, complete when the block succeeds. Raise ImageError."""
    engine, root = ENGINES[technology], disk.with_suffix(".root")
    namespaces = ["unshare", *NAMESPACES, "--fork", "--kill-child=KILL"]
    script = ["sh", str(SCRIPT), str(disk), str(root), *engine.start]
    with ExitStack() as stack:
        root.mkdir()
        stack.callback(root.rmdir)
        argv = subprocesses.with_parent_death_signal([*namespaces, *script])
        running = subprocesses.start(argv, output=log)
        stack.callback(_kill, running)
        with _translate_errors(technology, log):
            machine = wait_until(
                lambda: _answering_machine(running, engine),
                what="its start",
                within_s=STARTED_WITHIN_S,
                every_s=POLL_S,
            )
        yield machine
        with _translate_errors(technology, log):
            _end(running, machine)


@contextmanager
def _translate_errors(technology: str, log: Path) -> Iterator[None]:
    try:
        yield
    except (CommandError, DeadlineError, ImageError) as error:
        tail = log.read_text(encoding="utf-8", errors="replace").strip()[-TAIL_CHARACTERS:]
        raise ImageError(
            f"{technology} of the guest, run on its disk: {error.message}; {log} ends: {tail}",
            remedy=REMEDY if "loop" in tail else remedy_of(tail, otherwise=error.remedy),
        ) from error
