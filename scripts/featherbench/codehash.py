# SPDX-License-Identifier: Apache-2.0
"""Content hashes of the code that makes a number.

The hash goes into a job's params: editing what the job uses runs it again, editing anything else,
a comment, a docstring, or a file's time does not.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from featherbench.codefacts import facts_of
from featherbench.files import digest
from featherbench.plugins import CLASS_OF_KIND, PACKAGE, driver_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SCRIPTS = PACKAGE.parent
ONLY_TELL = {PACKAGE / name for name in ("clock.py", "job.py", "progress.py")}
"""Modules that tell the user how it goes; no number depends on them."""
RESOURCES = SCRIPTS.parent / "resources"


@cache
def module_digest(file: Path) -> str:
    """Hash what a Python file does: its byte code, compiled without comments and docstrings."""
    return facts_of(file).does


@cache
def _files_named(name: str) -> frozenset[Path]:
    """Give the files of our package that a dotted name may stand for, if any."""
    path = SCRIPTS.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return frozenset(file for file in candidates if file.is_file())


@cache
def _imports(file: Path) -> frozenset[Path]:
    """List the files of our package that `file` imports, at any depth inside it."""
    names = [n for n in facts_of(file).imports if n.split(".")[0] == PACKAGE.name]
    return frozenset().union(*map(_files_named, names)) - ONLY_TELL


@cache
def _reached(file: Path) -> frozenset[Path]:
    reached: set[Path] = set()
    queue = [file]
    while queue:
        if (current := queue.pop()) not in reached:
            reached.add(current)
            queue.extend(_imports(current))
    return frozenset(reached)


def closure(roots: Iterable[Path]) -> frozenset[Path]:
    """`roots` and all files of our package that they import, directly or not."""
    return frozenset().union(*(_reached(root) for root in roots))


@cache
def _companions(kind: str, file: Path) -> frozenset[Path]:
    """Files that belong to a driver by their name: beside it, or in resources/<kind>/."""
    return frozenset(
        path
        for folder in (file.parent, RESOURCES / kind)
        for path in folder.glob(f"{file.stem}[._]*")
        if path.is_file()
    )


def _resources_of(files: Iterable[Path]) -> frozenset[Path]:
    """Files that belong to packages of ours by their names: all in resources/<package>/.

    Drivers' packages are left out: a driver has what bears its own name.
    """
    packages = {file.parent.name for file in files if file.parent.parent == PACKAGE}
    return frozenset(
        path
        for package in packages - CLASS_OF_KIND.keys()
        for path in (RESOURCES / package).rglob("*")
        if path.is_symlink() or path.is_file()
    )


@cache
def _content_digest(file: Path) -> str:
    if file.is_symlink():
        return digest(str(file.readlink()).encode())
    return module_digest(file) if file.suffix == ".py" else digest(file.read_bytes())


@cache
def code_digest(
    script: str, drivers: tuple[tuple[str, str], ...] = (), plugins: Sequence[str] = ()
) -> str:
    """Hash a script and everything it uses.

    `drivers` are (kind, name) pairs: which of the drivers, found by name, the job will load.
    """
    files = set(closure([SCRIPTS / f"{script}.py"]))
    for kind, name in drivers:
        file = driver_files(kind, plugins)[name]
        files |= closure([file]) | _companions(kind, file)
    files |= _resources_of(files)
    return digest(*(f"{f.name}={_content_digest(f)}".encode() for f in sorted(files)))[:16]


def folder_digest(folder: Path) -> str:
    """Hash the content of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(*(b"%s=%s" % (f.name.encode(), f.read_bytes()) for f in files))[:16]
