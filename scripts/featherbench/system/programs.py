# SPDX-License-Identifier: Apache-2.0
"""Programs that this host must have, and the Debian package that brings each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.records.requirement import MissingRequirement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
"""Not in every user's PATH, but in root's."""

FOR_ROOT_FILESYSTEM = {"mmdebstrap": "mmdebstrap", "gcc": "gcc libc6-dev"}
"""What builds the root file system. Here, so that drivers need not import its builder to ask."""


def path_of(program: str) -> Path | None:
    """Find a program; None when it is not installed."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}"
    found = shutil.which(program, path=path)
    return Path(found) if found else None


def missing(package_of: Mapping[str, str]) -> Sequence[MissingRequirement]:
    """Name those of the programs (name → package) that are not installed."""
    return [
        MissingRequirement(
            what=f"the program {program} is missing", remedy=f"apt-get install {package}"
        )
        for program, package in package_of.items()
        if path_of(program) is None
    ]


def without(program: str, remedy: str) -> Sequence[MissingRequirement]:
    """Name a program that no Debian package brings, if it is missing."""
    there = path_of(program) is not None
    return (
        ()
        if there
        else [MissingRequirement(what=f"the program {program} is missing", remedy=remedy)]
    )


def lacking_root() -> Sequence[MissingRequirement]:
    """Say so when we are not root."""
    if os.geteuid() == 0:
        return ()
    return [MissingRequirement(what="this needs root", remedy="run the workflow as root")]
