# SPDX-License-Identifier: Apache-2.0
"""Content hashes of the code that makes a number.

The digest is part of a job's params: a job runs again when code that it uses has changed. Comments,
docstrings, formatting, the Python version, and the names and places of files do not count.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from featherbench.files import digest
from featherbench.paths import PACKAGE, RESOURCES, SCRIPTS
from featherbench.planning.code_facts import facts_of, imported_files
from featherbench.registry import driver_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PROGRESS_ONLY = frozenset(
    PACKAGE / name for name in ("clock.py", "jobs/job_runner.py", "jobs/progress.py")
)
"""Modules that show progress to the user; no number depends on them."""


@cache
def module_digest(file: Path) -> str:
    """Hash what a Python file does, and the content, not the names, of what it imports."""
    facts = facts_of(file)
    imports = {f"{name} {facts_of(other).does}" for name, other in imported_files(facts)}
    return digest(facts.does.encode(), *(text.encode() for text in sorted(imports)))


@cache
def _imports(file: Path) -> frozenset[Path]:
    return frozenset(other for _, other in imported_files(facts_of(file))) - PROGRESS_ONLY


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
    """Return `roots` and all files of this package that they import, directly or not."""
    return frozenset().union(*(_reached(root) for root in roots))


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        yield from (file for file in path.rglob("*") if file.is_symlink() or file.is_file())
    else:
        yield path


@cache
def _companions(file: Path) -> frozenset[Path]:
    """Return the files that belong to a user's driver: those beside it with its name."""
    if file.is_relative_to(PACKAGE):
        return frozenset()
    if file.stem == "__init__":
        return frozenset(path for path in _files_below(file.parent) if path.suffix != ".pyc")
    return frozenset(p for p in file.parent.glob(f"{file.stem}[._]*") if p.is_file())


def _resources(files: Iterable[Path]) -> frozenset[Path]:
    """Return the files of `resources/` that modules declare; see `paths.resource`."""
    names = {name for file in files for name in facts_of(file).resources}
    return frozenset(file for name in names for file in _files_below(RESOURCES / name))


@cache
def _content_digest(file: Path) -> str:
    if file.is_symlink():
        return digest(str(file.readlink()).encode())
    return module_digest(file) if file.suffix == ".py" else digest(file.read_bytes())


def _entry(file: Path) -> str:
    """Return what counts of a file: resources are found by name, modules are not."""
    name = "" if file.suffix == ".py" else file.name
    return f"{name}={_content_digest(file)}"


@cache
def code_digest(
    script: str, drivers: tuple[tuple[str, str], ...] = (), plugins: Sequence[str] = ()
) -> str:
    """Hash a script and everything that it uses.

    `drivers` are (kind, name) pairs: the drivers, found by name, that the job loads.
    """
    driver_paths = [driver_files(kind, plugins)[name] for kind, name in drivers]
    modules = closure([SCRIPTS / f"{script}.py", *driver_paths])
    files = modules.union(_resources(modules), *map(_companions, driver_paths))
    return digest(*(entry.encode() for entry in sorted(map(_entry, files))))[:16]
