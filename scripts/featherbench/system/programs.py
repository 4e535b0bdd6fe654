# SPDX-License-Identifier: Apache-2.0
"""Programs that this machine must have, and the Debian package of each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.records.requirement import MissingRequirement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path("/")
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""In root's PATH, but not in every user's."""

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
    """Return the missing rights if this process is not root's."""
    if os.geteuid() == 0:
        return ()
    return [MissingRequirement(what="this needs root", remedy="run the workflow as root")]
