# SPDX-License-Identifier: Apache-2.0
"""The structure of the package: its folders, what each imports, and circles among them.

`python tests/structure.py` prints the circles of folders, and exits with 1 if there are any.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "scripts" / "featherbench"


@dataclass(frozen=True)
class Import:
    """An import of one module by another: names relative to the package, with dots."""

    importer: str
    imported: str
    for_types_only: bool


def dotted(file: Path) -> str:
    """Return a module's name relative to the package; a package's is that of its folder."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__").removesuffix("__init__")


@cache
def modules() -> Mapping[str, Path]:
    """Map the names of all modules to their files."""
    return {dotted(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def _statements(body: list[ast.stmt], *, typed: bool) -> Iterator[tuple[ast.ImportFrom, bool]]:
    for node in body:
        if isinstance(node, ast.ImportFrom):
            yield node, typed
        types_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for part in ("body", "orelse", "finalbody", "handlers"):
            yield from _statements(getattr(node, part, []), typed=typed or types_only)


def _imports_of(name: str, file: Path) -> Iterator[Import]:
    for node, typed in _statements(ast.parse(file.read_text()).body, typed=False):
        top, *rest = (node.module or "").split(".")
        if top != PACKAGE.name:
            continue
        for alias in node.names:
            module = ".".join([*rest, alias.name])
            yield Import(name, module if module in modules() else ".".join(rest), typed)


@cache
def imports() -> tuple[Import, ...]:
    """Return all imports of modules of the package by others."""
    return tuple(found for item in modules().items() for found in _imports_of(*item))


def room(module: str) -> str:
    """Return the folder of a module directly below the package, or its name if it has none."""
    return module.partition(".")[0]


def rooms(*, with_types: bool) -> dict[str, set[str]]:
    """Map each folder and loose module to the others that it imports."""
    needed: dict[str, set[str]] = {room(name): set() for name in modules() if name}
    for found in imports():
        if found.importer and found.imported and (with_types or not found.for_types_only):
            needed[room(found.importer)] |= {room(found.imported)} - {room(found.importer)}
    return needed


def circles(needed: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of folders that need each other (strongly connected components)."""
    reached = {start: _reachable(start, needed) for start in needed}
    groups = defaultdict(list)
    for start in sorted(needed):
        if start in reached[start]:
            groups[frozenset(n for n in reached[start] if start in reached[n])].append(start)
    return list(groups.values())


def _reachable(start: str, needed: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    queue = list(needed[start])
    while queue:
        if (name := queue.pop()) not in reached:
            reached.add(name)
            queue.extend(needed[name])
    return reached


def main() -> int:
    """Print the circles of folders; return 1 if there are any."""
    status = 0
    for with_types in (False, True):
        for circle in circles(rooms(with_types=with_types)):
            kind = "at run time" if not with_types else "with imports for types"
            print(f"circle of folders {kind}: {', '.join(circle)}")  # noqa: T201 - its output
            for found in imports():
                pair = {room(found.importer), room(found.imported)}
                if len(pair) > 1 and pair <= set(circle):
                    print(f"  {found.importer} imports {found.imported}")  # noqa: T201
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
