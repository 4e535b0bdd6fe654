# SPDX-License-Identifier: Apache-2.0
"""A guest's engine at work on the guest's disk, without the guest.

To have an engine take in an image, no machine need boot, which takes minutes under emulation: the
engine runs here, in namespaces of its own, with the disk as their root. It ends with this process,
and so does all that was mounted for it.
"""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, DeadlineError, ImageError
from featherbench.paths import resource
from featherbench.system import subprocesses
from featherbench.system.machine import Machine
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

SCRIPT = resource("vm/engine_on_disk.sh")
NAMESPACES = ("--mount", "--net", "--ipc", "--pid")
STARTED_WITHIN_S = 60.0
ENDED_WITHIN_S = 60.0
LOOK_WITHIN_S = 10.0
ANSWER_WITHIN_S = 30.0
POLL_S = 0.1
SAID_CHARACTERS = 600
REMEDY = "see whether loop devices can be used: losetup --find; `modprobe loop` brings them"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How an engine is started where no systemd runs, and a question that it answers."""

    start: tuple[str, ...]
    question: tuple[str, ...]


ENGINES = {
    "docker": Engine(start=("dockerd", "--iptables=false"), question=("docker", "version")),
    "lxd": Engine(start=("lxd", "--group", "root"), question=("lxd", "waitready", "--timeout=20")),
}
"""By technology."""


@dataclass(frozen=True, kw_only=True)
class DiskMachine(Machine):
    """The programs on a guest's disk, run beside its engine: `pid` is the engine's first process.

    No record keeps its name: it is gone when the engine ends.
    """

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


def _command(disk: Path, root: Path, engine: Engine) -> list[str]:
    namespaces = ["unshare", *NAMESPACES, "--fork", "--kill-child=KILL"]
    script = ["sh", str(SCRIPT), str(disk), str(root), *engine.start]
    return subprocesses.with_parent_death_signal([*namespaces, *script])


def _first_process(pid: int) -> int | None:
    """Give the first process of the namespaces, once it is there; `pid` is its parent's."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def _inside(pid: int) -> DiskMachine | None:
    """Give the node once the first process has the disk for its root; `pid` is its parent's."""
    first = _first_process(pid)
    if first is None:
        return None
    machine = DiskMachine(pid=first)
    return machine if Path(machine.name).stat().st_dev != Path("/").stat().st_dev else None


def _answering(running: subprocess.Popen[bytes], engine: Engine) -> DiskMachine | None:
    """Give the node once its engine answers. Raises ImageError when the engine has ended."""
    if running.poll() is not None:
        raise ImageError(f"it ended with status {running.returncode}", remedy=REMEDY)
    try:
        machine = _inside(running.pid)
    except (FileNotFoundError, ProcessLookupError):  # it ends just now
        return None
    if machine is None:
        return None
    answer = machine.run(engine.question, timeout_s=ANSWER_WITHIN_S, check=False)
    return machine if answer.exit_status == 0 else None


def _end(running: subprocess.Popen[bytes], machine: DiskMachine) -> None:
    """Have the engine end by itself. Raises DeadlineError when it does not."""
    os.kill(machine.pid, signal.SIGTERM)
    wait_until(
        lambda: running.poll() is not None,
        what="its end",
        within_s=ENDED_WITHIN_S,
        every_s=POLL_S,
    )


def _kill(running: subprocess.Popen[bytes]) -> None:
    """End what still runs; the parent of the first process ends when that has."""
    if running.poll() is None:
        os.kill(_first_process(running.pid) or running.pid, signal.SIGKILL)
        running.wait()


@contextmanager
def _empty_folder(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    try:
        yield folder
    finally:
        folder.rmdir()


@contextmanager
def _running(
    disk: Path, root: Path, engine: Engine, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocesses.start(_command(disk, root, engine), output=log)
    try:
        yield running
    finally:
        _kill(running)


@contextmanager
def engine_on(disk: Path, technology: str, *, log: Path) -> Iterator[DiskMachine]:
    """Run the engine of a technology on a disk; when the block has ended well, the disk holds all.

    What the engine says goes to `log`. Raises ImageError when it does not start or end.
    """
    engine = ENGINES[technology]
    with (
        _empty_folder(disk.with_suffix(".root")) as root,
        _running(disk, root, engine, log) as running,
    ):
        with _explaining(technology, log):
            machine = wait_until(
                lambda: _answering(running, engine),
                what="its start",
                within_s=STARTED_WITHIN_S,
                every_s=POLL_S,
            )
        yield machine
        with _explaining(technology, log):
            _end(running, machine)


@contextmanager
def _explaining(technology: str, log: Path) -> Iterator[None]:
    try:
        yield
    except (CommandError, DeadlineError, ImageError) as failed:
        said = log.read_text(errors="replace").strip()[-SAID_CHARACTERS:]
        raise ImageError(
            f"{technology} of the guest, run on its disk: {failed.message}; {log} ends: {said}",
            remedy=failed.remedy,
        ) from failed
