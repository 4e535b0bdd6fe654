# SPDX-License-Identifier: Apache-2.0
"""A shell on another machine that runs one program after another, over one connection.

A command over such a shell costs a few milliseconds, most of it for the program's start. A new ssh
session costs 20 and more, or 400 without a shared connection. The other machine needs a POSIX shell
and coreutils.
"""

import logging
import os
import re
import selectors
import shlex
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

from featherbench.errors import CommandError
from featherbench.system.subprocesses import (
    CHUNK_BYTES,
    END_WITHIN_S,
    TAIL_CHARACTERS,
    Completed,
    TimeoutExpired,
    start_with_pipes,
)

log = logging.getLogger(__name__)

KILL_AFTER_S, REMOTE_GRACE_S = 5, 2
"""The program `timeout` on the other machine ends a program that has not ended in time, also when
this process or the connection is gone."""
CHILDREN_TIMES = re.compile(rb"(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*\Z")


class ShellLostError(Exception):
    """The shell, or the connection to it, ended. The message is what ssh wrote."""


def _escaped(text: str) -> str:
    """Return the text for printf's %b: a word of a shell cannot contain NUL, as archives do."""
    return text.replace("\\", r"\\").replace("\0", r"\0000")


class Shell:
    """A running shell; `command` starts it: `sh`, or ssh with `sh` on the other machine.

    Each answer ends with a random mark on both streams, so that output can be any bytes.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._mark = uuid.uuid4().hex
        self._children_cpu_s = 0.0
        self._process = start_with_pipes(command)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)

    @property
    def is_open(self) -> bool:
        """Whether the shell still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the shell, and the connection if it has one of its own."""
        self._process.kill()
        self._process.wait()
        # To read on to the end would hang: a shared connection may have kept the pipe open.
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def run(self, argv: Sequence[str], *, timeout_s: float, stdin: str | None = None) -> Completed:
        """Run a program to its end. `cpu_s` is that of the other machine, in ticks of its kernel.

        Raises CommandError when the program does not end within `timeout_s` seconds, and
        ShellLostError when the shell ends before the program.
        """
        log.debug("run by shell: %s", argv)
        began_s = time.monotonic()
        try:
            streams = self._exchange(self._request(argv, timeout_s, stdin), began_s + timeout_s)
        except TimeoutError as late:
            self.close()
            raise CommandError(argv, f"did not end within {timeout_s:g} s") from late
        except BaseException:  # an answer that nobody reads would be taken for the next one
            self.close()
            raise
        stdout, _, trailer = streams[0].rpartition(b"\n%s " % self._mark.encode())
        stderr = streams[1].removesuffix(self._end_mark)
        status, _, times = trailer.removesuffix(self._end_mark).partition(b"\n")
        return Completed(
            argv=tuple(argv),
            exit_status=int(status),
            stdout=stdout.decode(errors="replace"),
            stderr=stderr.decode(errors="replace"),
            duration_s=time.monotonic() - began_s,
            cpu_s=self._cpu_s_since(times),
        )

    @property
    def _end_mark(self) -> bytes:
        return b"\n%s\n" % self._mark.encode()

    def _request(self, argv: Sequence[str], timeout_s: float, stdin: str | None) -> bytes:
        limited = ["timeout", f"--kill-after={KILL_AFTER_S}", f"{timeout_s + REMOTE_GRACE_S:g}"]
        program = shlex.join([*limited, *argv])
        fed = "</dev/null" if stdin is None else ""
        source = "" if stdin is None else f"printf %b {shlex.quote(_escaped(stdin))} | "
        mark = f"'\\n{self._mark}"
        return (
            f"{source}{program} {fed}; printf {mark} %d\\n' $?; times; printf {mark}\\n';"
            f" printf {mark}\\n' >&2\n"
        ).encode()

    def _exchange(self, request: bytes, deadline_s: float) -> list[bytes]:
        """Send a request; return stdout and stderr, each with its end mark."""
        process, unsent = self._process, memoryview(request)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        received = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdin.fileno(), selectors.EVENT_WRITE)
            for descriptor in received:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline_s - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for descriptor in (key.fd for key, _ in ready):
                    if descriptor not in received:
                        unsent = unsent[_write(descriptor, unsent) :]
                        done = not unsent
                    elif chunk := os.read(descriptor, CHUNK_BYTES):
                        received[descriptor] += chunk
                        done = received[descriptor].endswith(self._end_mark)
                    else:
                        raise ShellLostError(
                            self._last_words(bytes(received[process.stderr.fileno()]))
                        )
                    if done:
                        selector.unregister(descriptor)
        return [bytes(stream) for stream in received.values()]

    def _last_words(self, stderr: bytes) -> str:
        """Return the end of what came from ssh, or from the program, on stderr."""
        assert self._process.stderr is not None
        with suppress(TimeoutExpired):
            self._process.wait(timeout=END_WITHIN_S)
        descriptor = self._process.stderr.fileno()
        os.set_blocking(descriptor, False)
        with suppress(BlockingIOError):
            while chunk := os.read(descriptor, CHUNK_BYTES):
                stderr += chunk
        return stderr.decode(errors="replace").strip()[-TAIL_CHARACTERS:]

    def _cpu_s_since(self, times: bytes) -> float:
        """Return the CPU time of the shell's children since the last call, from `times`."""
        fields = CHILDREN_TIMES.search(times)
        if fields is None:
            return 0.0
        total_s = 60 * (int(fields[1]) + int(fields[3])) + float(fields[2]) + float(fields[4])
        before_s, self._children_cpu_s = self._children_cpu_s, total_s
        return total_s - before_s


def _write(descriptor: int, data: memoryview) -> int:
    """Write what the pipe takes; a shell that is gone is noticed by the end of its output."""
    try:
        return os.write(descriptor, data)
    except BrokenPipeError:
        return len(data)
