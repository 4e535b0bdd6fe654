# SPDX-License-Identifier: Apache-2.0
"""Runs other programs on this machine, given as argument lists and never as shell strings.

They inherit the environment, except that they speak English (LC_ALL=C).
"""

import logging
import os
import resource
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from featherbench.errors import CommandError, FeatherbenchError, remedy_of

log = logging.getLogger(__name__)

TAIL_CHARACTERS = 2_000
CHUNK_BYTES = 1 << 16
END_WITHIN_S = 1.0
LOCALE = {"LC_ALL": "C"}
"""What programs say is read here: they must not say it in the user's language."""
TimeoutExpired = subprocess.TimeoutExpired


@contextmanager
def failure_as(
    error: type[FeatherbenchError], what: str, *, remedy: str = "", place: str = ""
) -> Iterator[None]:
    """Raise `error`, which says `what` failed and why, if a program fails in the block.

    With the disk `place`, the `remedy` is that of a cause that is not the system's.
    """
    try:
        yield
    except CommandError as failure:
        if place:
            remedy = remedy_of(failure.message, place=place, otherwise=remedy)
        raise error(f"{what}: {failure.message}", remedy=remedy) from failure


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A program that has ended: its output, duration and CPU time."""

    argv: tuple[str, ...]
    exit_status: int
    stdout: str
    stderr: str
    duration_s: float
    cpu_s: float

    @property
    def tail(self) -> str:
        """The end of its output, for a message."""
        return (self.stderr.strip() or self.stdout.strip())[-TAIL_CHARACTERS:]


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, **LOCALE, **(more or {})}


def with_parent_death_signal(argv: Sequence[str]) -> list[str]:
    """Prefix `argv` so that the kernel kills the program when this process ends, for any reason.

    A load generator must not outlive a measuring script that was killed.
    """
    return ["setpriv", "--pdeathsig", "KILL", *argv]


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    check: bool = True,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run a program to its end.

    `cpu_s` is the user and system time of the program and of the children that it waited for. It
    is correct only if no other child of this process ends meanwhile.

    Raises CommandError when the program is missing, does not end within `timeout_s` seconds, or
    (with `check`) ends with a status other than 0.
    """
    log.debug("run: %s", argv)
    cpu_before_s, began_s = _children_cpu_s(), time.monotonic()
    try:
        done = subprocess.run(
            with_parent_death_signal(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            env=_environment(env),
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise CommandError(argv, f"did not end within {timeout_s:g} s") from late
    except FileNotFoundError as missing:
        raise CommandError(argv, "cannot be started: setpriv (util-linux) is missing") from missing
    completed = Completed(
        argv=tuple(argv),
        exit_status=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
        duration_s=time.monotonic() - began_s,
        cpu_s=_children_cpu_s() - cpu_before_s,
    )
    log.debug("ended with %d after %.3f s", completed.exit_status, completed.duration_s)
    if check and completed.exit_status != 0:
        raise CommandError(argv, f"ended with status {completed.exit_status}", completed.tail)
    return completed


def start_with_pipes(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process, and return it with its three pipes.

    It has a session of its own: Ctrl-C must not end what the clean-up needs.
    """
    return subprocess.Popen(
        with_parent_death_signal(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=_environment(),
    )


class Conversation:
    """A long program that answers each line of its standard input with a line, and ends with it.

    It ends with the block, with this process, or with the connection to its machine. Its CPU time
    is not known.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv, self._process = tuple(argv), start_with_pipes(argv)

    def ask(self, line: str, *, timeout_s: float) -> Completed:
        """Send a line, and return the answer, with the time that it took.

        Raises CommandError when the program ends instead, or does not answer within `timeout_s`.
        """
        log.debug("ask: %s", line)
        began_s = time.monotonic()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer = self._answer(began_s + timeout_s, f"did not answer within {timeout_s:g} s")
        return Completed(
            argv=(*self._argv, line),
            exit_status=0,
            stdout=answer.decode(errors="replace"),
            stderr="",
            duration_s=time.monotonic() - began_s,
            cpu_s=0.0,
        )

    def _answer(self, deadline_s: float, late: str) -> bytes:
        assert self._process.stdout is not None
        answer, descriptor = bytearray(), self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                if not selector.select(max(0.0, deadline_s - time.monotonic())):
                    raise CommandError(self._argv, late)
                chunk = os.read(descriptor, CHUNK_BYTES)
                if not chunk:
                    raise self._ended()
                answer += chunk
        return bytes(answer)

    def _ended(self) -> CommandError:
        """Return the error for a program that ended; it is killed if it closed its output only."""
        with suppress(TimeoutExpired):
            self._process.wait(timeout=END_WITHIN_S)
        self._process.kill()
        status, said = self._process.wait(), b""
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)  # its children may keep it open
        with suppress(BlockingIOError):
            said = os.read(self._process.stderr.fileno(), CHUNK_BYTES)
        tail = said.decode(errors="replace").strip()[-TAIL_CHARACTERS:]
        return CommandError(self._argv, f"ended with status {status}", tail)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(OSError):  # what was not sent
                pipe.close()


def start(
    argv: Sequence[str],
    *,
    output: Path,
    before_exec: Callable[[], None] | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that outlives this process, in a session of its own.

    Both its streams are appended to the file `output`: a pipe would block readers until it ends.
    `before_exec` runs in the new process, just before the program replaces it.
    """
    log.debug("start: %s", argv)
    with output.open("ab") as sink:
        try:
            return subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec,  # noqa: PLW1509 - takes no lock that other threads hold
                env=_environment(env),
            )
        except FileNotFoundError as missing:
            raise CommandError(argv, "cannot be started: the program is missing") from missing
