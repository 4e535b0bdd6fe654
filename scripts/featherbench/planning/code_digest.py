# SPDX-License-Identifier: Apache-2.0
"""Content hashes of the code that makes a number.

The digest is part of a job's params: a job runs again when code that it uses has changed. Comments,
docstrings, formatting, the Python version, and the names and places of files do not count.

Facts about files are cached in `__pycache__`, by the file's content: finding them for all files
takes half a second, which every run with nothing to do would pay.
"""

import ast
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from featherbench.files import digest, write_atomic
from featherbench.paths import PACKAGE, RESOURCES, SCRIPTS
from featherbench.registry import driver_files

CACHE = Path(importlib.util.cache_from_source(__file__)).with_suffix(".json")
PROGRESS_ONLY = frozenset(
    PACKAGE / name for name in ("clock.py", "jobs/job_runner.py", "jobs/progress.py")
)
"""Modules that show progress to the user; no number depends on them."""


class Import(NamedTuple):
    """An import of this package: `bound` is the name in the file, `dotted` what it stands for."""

    bound: str
    dotted: str


class CodeFacts(NamedTuple):
    """Facts about one file.

    `does` hashes its syntax tree without docstrings, positions and imports of this package, and
    with a placeholder for each module that such an import binds. `imports` are those that do
    something at run time. `resources` are the literal arguments of `paths.resource`.
    """

    does: str
    imports: Sequence[Import]
    resources: Sequence[str]


def _is_docstring(statement: ast.stmt) -> bool:
    """Return whether a statement is a string alone, which does nothing at run time."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _for_types_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


def _imports_of_package(statement: ast.stmt) -> Iterator[Import]:
    if isinstance(statement, ast.ImportFrom):
        module = statement.module or ""
        if module.split(".")[0] == PACKAGE.name:
            for alias in statement.names:
                yield Import(alias.asname or alias.name, f"{module}.{alias.name}")


def _names(node: ast.AST, *, in_model: bool = False) -> Iterator[str]:
    """Yield the names that do something at run time.

    Of annotations these are those of pydantic's models alone: a dataclass does not read its own.
    """
    if isinstance(node, ast.Name):
        yield node.id
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        decorators = " ".join(map(ast.unparse, node.decorator_list))
        in_model = isinstance(node, ast.ClassDef) and "dataclass" not in decorators
    for field, value in ast.iter_fields(node):
        if field == "returns" or (field == "annotation" and not in_model):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _names(child, in_model=in_model)


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
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    annotating = names.difference(_names(tree))
    text = _Text()
    first_pass = text.of(tree.body)
    modules = {found.bound for found in text.imports if _file_of(found.dotted)}
    for node in ast.walk(tree):
        # A module's name in the code comes from its file's name, which must not count.
        if isinstance(node, ast.Name) and node.id in modules:
            node.id = "<module>"
    return CodeFacts(
        does=digest((text.of(tree.body) if modules else first_pass).encode()),
        imports=tuple(sorted(found for found in text.imports if found.bound not in annotating)),
        resources=tuple(sorted(text.resources)),
    )


@cache
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


@cache
def module_digest(file: Path) -> str:
    """Hash what a Python file does, and the content, not the names, of what it imports."""
    facts = facts_of(file)
    imports = {f"{name} {facts_of(other).does}" for name, other in imported_files(facts)}
    return digest(facts.does.encode(), *(text.encode() for text in sorted(imports)))


@cache
def _imports(file: Path) -> frozenset[Path]:
    return frozenset(other for _, other in imported_files(facts_of(file))) - PROGRESS_ONLY


def closure(roots: Iterable[Path]) -> frozenset[Path]:
    """Return `roots` and all files of this package that they import, directly or not."""
    reached: set[Path] = set()
    queue = list(roots)
    while queue:
        if (current := queue.pop()) not in reached:
            reached.add(current)
            queue.extend(_imports(current))
    return frozenset(reached)


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
def _entry(file: Path) -> str:
    """Return what counts of a file: resources are found by name, modules are not."""
    if file.is_symlink():
        content = digest(str(file.readlink()).encode())
    else:
        content = module_digest(file) if file.suffix == ".py" else digest(file.read_bytes())
    return f"{'' if file.suffix == '.py' else file.name}={content}"


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
