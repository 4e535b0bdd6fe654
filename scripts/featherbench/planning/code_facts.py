# SPDX-License-Identifier: Apache-2.0
"""Facts about a Python file: what it does, what it imports, which resources it reads.

Facts are cached in `__pycache__`, by the file's content: finding them for all files takes half a
second, which every run with nothing to do would pay.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from featherbench.files import digest, write_atomic
from featherbench.paths import PACKAGE, SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CACHE = Path(importlib.util.cache_from_source(__file__)).with_suffix(".json")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Import(NamedTuple):
    """An import of this package: `bound` is the name in the file, `dotted` what it stands for."""

    bound: str
    dotted: str


class CodeFacts(NamedTuple):
    """Facts about one file.

    `does` hashes its syntax tree without docstrings, positions and imports of this package, and
    with a placeholder for each module that such an import binds. `resources` are the literal
    arguments of `paths.resource`.
    """

    does: str
    imports: Sequence[Import]
    resources: Sequence[str]


def _is_docstring(statement: ast.stmt) -> bool:
    """Tell whether a statement is a string alone, which does nothing at run time."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return isinstance(statement.value.value, str)


def _for_types_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


def _imports_of_package(statement: ast.stmt) -> Iterator[Import]:
    if isinstance(statement, ast.ImportFrom):
        module = statement.module or ""
        if module.split(".")[0] == PACKAGE.name:
            for alias in statement.names:
                yield Import(alias.asname or alias.name, f"{module}.{alias.name}")


class _Text:
    """Writes a syntax tree as text that no Python version, layout or file name changes."""

    def __init__(self) -> None:
        self.imports: set[Import] = set()
        self.resources: set[str] = set()

    def of(self, node: object) -> str:
        """Return the text of a node, of a list of nodes, or of a value."""
        if isinstance(node, list):
            return f"[{','.join(self.of(item) for item in self._kept(node))}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Call):
            self._note_resource(node)
        if isinstance(node, ast.JoinedStr):
            # Python 3.12 adds empty strings to the nested parts of f-strings.
            node.values = [v for v in node.values if getattr(v, "value", None) != ""]
        fields = (
            f"{name}={self.of(value)}"
            for name, value in ast.iter_fields(node)
            # Newer Pythons add fields, which are empty in code that older ones can read.
            if value is not None and value != [] and name not in {"type_comment", "kind"}
        )
        return f"{type(node).__name__}({','.join(fields)})"

    def _kept(self, nodes: list[object]) -> Iterator[object]:
        for node in nodes:
            if isinstance(node, ast.stmt):
                if _is_docstring(node) or _for_types_only(node):
                    continue
                if imports := set(_imports_of_package(node)):
                    self.imports |= imports
                    continue
            yield node

    def _note_resource(self, call: ast.Call) -> None:
        if isinstance(call.func, ast.Name) and call.func.id == "resource":
            self.resources |= {str(a.value) for a in call.args if isinstance(a, ast.Constant)}


def examine(source: bytes) -> CodeFacts:
    """Return the facts of a file with that content."""
    tree = ast.parse(source)
    text = _Text()
    first_pass = text.of(tree.body)
    modules = {found.bound for found in text.imports if _file_of(found.dotted)}
    for node in ast.walk(tree):
        # A module's name in the code comes from its file's name, which must not count.
        if isinstance(node, ast.Name) and node.id in modules:
            node.id = "<module>"
    return CodeFacts(
        does=digest((text.of(tree.body) if modules else first_pass).encode()),
        imports=tuple(sorted(text.imports)),
        resources=tuple(sorted(text.resources)),
    )


def _file_of(dotted: str) -> Path | None:
    """Return the file of a module of this package; None where the name is no module's."""
    path = SCRIPTS.joinpath(*dotted.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def imported_files(facts: CodeFacts) -> Iterator[tuple[str, Path]]:
    """Yield the name of each import within its module ("" for a whole module), and the file."""
    for found in facts.imports:
        if file := _file_of(found.dotted):
            yield "", file
        elif file := _file_of(found.dotted.rpartition(".")[0]):
            yield f"{found.dotted.rpartition('.')[2]} as {found.bound}", file


def _examined_by() -> str:
    """Return what the cache is valid for: this module, and the files that there are."""
    files = sorted(str(file.relative_to(SCRIPTS)) for file in PACKAGE.rglob("*.py"))
    return digest(Path(__file__).read_bytes(), *(file.encode() for file in files))


def _cached() -> Mapping[str, CodeFacts]:
    with suppress(OSError, ValueError, TypeError):
        content = json.loads(CACHE.read_bytes())
        if content.get("examined_by") == _examined_by():
            return {
                key: CodeFacts(does, tuple(Import(*item) for item in imports), tuple(resources))
                for key, (does, imports, resources) in content["facts"].items()
            }
    return {}


def _store(facts: Mapping[str, CodeFacts]) -> None:
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # the folder may belong to another user
            write_atomic(CACHE, json.dumps({"examined_by": _examined_by(), "facts": facts}))


@cache
def _facts_of_package() -> Mapping[str, CodeFacts]:
    """Return the facts of all files of this package, by the digest of their content."""
    files = [*SCRIPTS.glob("*.py"), *PACKAGE.rglob("*.py")]
    sources = {digest(source): source for source in (file.read_bytes() for file in files)}
    known = _cached()
    facts = {key: known.get(key) or examine(source) for key, source in sources.items()}
    if facts.keys() - known.keys():
        _store(facts)
    return facts


def facts_of(file: Path) -> CodeFacts:
    """Return the facts of a Python file, as its content is now."""
    source = file.read_bytes()
    return _facts_of_package().get(digest(source)) or examine(source)
