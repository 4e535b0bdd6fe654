# SPDX-License-Identifier: Apache-2.0
"""Every error that a user can do something about.

    FeatherbenchError            what failed, and the remedy
    ├── ConfigError              a key of the configuration is wrong
    ├── UnavailableError         this machine lacks something that the platform needs
    ├── TestbedError             network, CPUs, sysctls, lock
    │   ├── TestbedBusyError     another workflow holds the testbed
    │   └── WorkflowGoneError    the workflow of this job has ended
    ├── RecordError              a file of results/ or of the testbed's state is damaged
    ├── CommandError             a program ended with a failure
    ├── DeadlineError            a condition did not come true in time
    ├── ImageError               an image cannot be built, or is gone
    ├── InstanceError            the server under test did not start
    │   ├── InstanceDiedError    it started, and died or stopped answering
    │   └── MachineSilentError   the machine that it runs on does not answer
    ├── LoadError                the load generator failed, or its output cannot be parsed
    └── VerificationError        the server answers, but not as it should

Any other exception that reaches the user is a fault of featherbench.
"""

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from re import IGNORECASE as I
from typing import NamedTuple


class FeatherbenchError(Exception):
    """What failed, and what the user can do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class ConfigError(FeatherbenchError):
    """A key of the configuration is wrong."""


class UnavailableError(FeatherbenchError):
    """The machine lacks something that the platform needs."""


class TestbedError(FeatherbenchError):
    """The network, the CPUs, the sysctls or the lock are not available."""

    __test__ = False  # pytest takes classes named Test… for tests


class TestbedBusyError(TestbedError):
    """Another workflow holds the testbed."""


class WorkflowGoneError(TestbedError):
    """The workflow that a job belongs to has ended."""


class RecordError(FeatherbenchError):
    """A record cannot be read: its file is truncated, empty, or of another version."""


def damaged(path: Path, reason: str) -> RecordError:
    """Return the error for a file of ours that cannot be read, and that can be made again."""
    return RecordError(
        f"{path} cannot be read: {reason}",
        remedy=f"`rm {shlex.quote(str(path))}`, and run again: it is then made again",
    )


class CommandError(FeatherbenchError):
    """A program ended with a failure, or did not end in time."""

    def __init__(self, argv: Sequence[str], reason: str, output_tail: str = "") -> None:
        tail = f"\n  its output: {output_tail}" if output_tail else ""
        super().__init__(f"`{' '.join(argv)}` {reason}{tail}")
        self.argv = tuple(argv)


class DeadlineError(FeatherbenchError):
    """A condition did not come true in time."""


class ImageError(FeatherbenchError):
    """An image cannot be built, or is gone."""


class InstanceError(FeatherbenchError):
    """The server under test did not start."""


class InstanceDiedError(InstanceError):
    """The server under test started, and died or stopped answering."""


class MachineSilentError(InstanceError):
    """The machine that a server is to run on, or ran on, does not answer."""


class LoadError(FeatherbenchError):
    """The load generator failed, or its output cannot be parsed."""


class VerificationError(FeatherbenchError):
    """The server answers, but not as it should."""


class ErrorHint(NamedTuple):
    """What a phrase in the output of another program means. Upper and lower case are the same.

    `meaning` is empty where the phrase says enough; `error` is the class of error that it stands
    for, where that is a special one.
    """

    pattern: str
    remedy: str
    meaning: str = ""
    error: type[FeatherbenchError] | None = None


def find_hint(hints: Iterable[ErrorHint], output: str) -> ErrorHint | None:
    """Return the first of the hints whose phrase is in a program's output."""
    return next((hint for hint in hints if re.search(hint.pattern, output, re.IGNORECASE)), None)


AS_OWNER = (
    "run as the user who owns the folder (root, after `make all` with sudo),"
    " or in a folder where you may write: `--directory FOLDER`"
)
RESULTS_DISK = "the disk that holds the results"
LOCAL_DISK = "keep the results on a local disk of Linux, such as ext4: `--directory FOLDER`"
IN_CONTAINER = "root has not all rights here, as in a container: start that privileged"
REFUSED_TO_ROOT = (
    f"{LOCAL_DISK}, for root may not write to NFS with root_squash, nor to others' FUSE;"
    " on a local disk, see `journalctl -k` for AppArmor or SELinux"
)


def _system_hints(place: str) -> tuple[ErrorHint, ...]:
    """Return what the words of the kernel mean, in its errors and in those of programs."""
    is_root = os.geteuid() == 0
    return (
        ErrorHint(
            r"no space left on device|wrote only \d+ of \d+ bytes",
            f"make room on {place} (`df -h` and, for inodes, `df -i`), and run again",
        ),
        ErrorHint(r"disk quota exceeded", f"have your quota raised on {place}: see `quota -s`"),
        ErrorHint(
            r"read-only file system",
            "use a folder that is not mounted read-only: `--directory FOLDER`",
        ),
        ErrorHint(
            r"failed to execute .*permission denied",
            "keep the results on a file system that is mounted without `noexec`",
        ),
        ErrorHint(
            r"cannot mknod: operation not permitted|unshare failed: operation not permitted"
            r"|mount\b.*(permission denied|operation not permitted|must be superuser)",
            IN_CONTAINER if is_root else AS_OWNER,
        ),
        ErrorHint(
            r"(cannot change ownership|cannot create symlink|cannot hard link).*not permitted",
            f"{LOCAL_DISK}, for that one keeps no owners or links" if is_root else AS_OWNER,
        ),
        ErrorHint(
            r"permission denied|operation not permitted",
            REFUSED_TO_ROOT if is_root else AS_OWNER,
        ),
        ErrorHint(r"too many open files in system", "raise the sysctl fs.file-max"),
        ErrorHint(r"too many open files", "raise the limit of open files: ulimit -n"),
        ErrorHint(r"cannot allocate memory", "free some memory: see `free -m`"),
        ErrorHint(r"input/output error", f"the kernel cannot read or write {place}: see `dmesg`"),
        ErrorHint(r"stale file handle", "mount that network file system again"),
        ErrorHint(r"file name too long", "run in a folder with a shorter path"),
    )


def remedy_of(words: str, *, place: str = RESULTS_DISK, otherwise: str = "") -> str:
    """Return what to do about a failure at `place` with the system's words in it."""
    hint = find_hint(_system_hints(place), words)
    return hint.remedy if hint else otherwise


def remedy_of_silence(words: str, start: str) -> str:
    """Return what to do about a daemon that does not answer: `start`, if it does not run."""
    if re.search(r"permission denied|authentication (unavailable|failed)|access denied", words, I):
        return "run as root: this user may not use its socket"
    if re.search(r"timed? ?out", words, I):
        return f"it is too busy, or hangs: see its log, and restart it; {start}"
    return start


def error_of_system(error: OSError) -> FeatherbenchError:
    """Return an error of the operating system with its remedy."""
    words = os.strerror(error.errno) if error.errno else str(error)
    otherwise = "see what it says of the file, and run again"
    return FeatherbenchError(str(error), remedy=remedy_of(words, otherwise=otherwise))


def refusal(
    doing: str,
    message: str,
    error: type[FeatherbenchError],
    *,
    program: str,
    hints: Iterable[ErrorHint],
) -> FeatherbenchError:
    """Return the error for what a program refused: of the class `error`, unless a hint has one."""
    if hint := find_hint(hints, message):
        return (hint.error or error)(f"{doing}: {message}", remedy=hint.remedy)
    return error(f"{doing}: {program} refused: {message}")
