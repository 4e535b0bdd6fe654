# SPDX-License-Identifier: Apache-2.0
"""Programs that this machine must have, their versions, and the Debian package of each."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from featherbench.errors import CommandError
from featherbench.records.requirement import MissingRequirement
from featherbench.system import procfs, subprocesses

ROOT = Path("/")
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""In root's PATH, but not in every user's."""

VERSION = re.compile(r"\d+\.\d[\w.+~-]*|\bs?\d{8}\b")
VERSION_WITHIN_S = 10.0

FOR_ROOT_FILESYSTEM = {"mmdebstrap": "mmdebstrap", "gcc": "gcc libc6-dev"}
"""What builds the root file system. Here, so that drivers need not import its builder to ask."""


def path_of(program: str, root: Path = ROOT) -> Path | None:
    """Return the path of a program; None when it is not installed below `root`."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), *SYSTEM_FOLDERS]
    path = os.pathsep.join(str(root / folder.lstrip("/")) for folder in folders)
    file = shutil.which(program, path=path)
    return Path(file) if file else None


def missing(package_of: Mapping[str, str]) -> Sequence[MissingRequirement]:
    """Return those of the programs that are not installed; `package_of` maps them to packages."""
    return [
        requirement
        for program, package in package_of.items()
        for requirement in missing_program(program, f"apt-get install {package}")
    ]


def missing_program(program: str, remedy: str) -> Sequence[MissingRequirement]:
    """Return a program with the remedy if it is not installed."""
    if path_of(program) is not None:
        return ()
    return [MissingRequirement(what=f"the program {program} is missing", remedy=remedy)]


def missing_root() -> Sequence[MissingRequirement]:
    """Return the missing rights; root of a container may lack them, too."""
    if os.geteuid() != 0:
        return [MissingRequirement(what="this needs root", remedy="run the workflow as root")]
    if lacking := {"CAP_NET_ADMIN", "CAP_SYS_ADMIN"} - procfs.capabilities(ROOT):
        return [
            MissingRequirement(
                what=f"root lacks {' and '.join(sorted(lacking))} here, as in a container",
                remedy="run on the machine itself, or in a container with `--privileged`",
            )
        ]
    return ()


def parse_version(output: str) -> str | None:
    """Return the version in a program's output: its first dotted number, or date."""
    match = VERSION.search(output)
    return match[0] if match else None


@cache
def _printed(program: Path, *arguments: str) -> str:
    try:
        done = subprocesses.run([str(program), *arguments], timeout_s=VERSION_WITHIN_S, check=False)
    except CommandError as failed:
        return failed.message
    return done.stdout + done.stderr


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The versions of a program that the parser of its output was tested with.

    `ask` prints the installed one. A program whose answer does not have the word `says` is another
    one, whose output cannot be read. `tested` has the beginnings of versions.
    """

    ask: tuple[str, ...]
    says: str
    tested: tuple[str, ...]

    def _answer(self) -> str | None:
        program, *arguments = self.ask
        path = path_of(program)
        return None if path is None else _printed(path, *arguments)

    def unreadable(self, remedy: str) -> Sequence[MissingRequirement]:
        """Return why the installed program's output cannot be read, with the remedy."""
        answer = self._answer()
        if answer is None or self.says in answer:
            return ()
        words = " ".join(answer.split())[:80]
        what = f"this {self.ask[0]} is not {self.says}: `{' '.join(self.ask)}` says {words!r}"
        return [MissingRequirement(what=what, remedy=remedy)]

    def untested(self) -> str:
        """Return the installed version, in words, if it is none of the tested; otherwise ""."""
        answer = self._answer()
        if answer is None:
            return ""
        version = parse_version(answer) or "of unknown version"
        if any(re.match(rf"{re.escape(tested)}(?!\d)", version) for tested in self.tested):
            return ""
        return f"{self.ask[0]} {version} (tested: {', '.join(self.tested)})"
