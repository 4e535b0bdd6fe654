# SPDX-License-Identifier: Apache-2.0
"""What a Python file does and what it imports, remembered by the file's content.

To compile all files of ours takes a quarter of a second, each time that there is nothing to be
done. So what is found is kept beside the byte code that Python keeps, on the same terms.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from featherbench.files import digest, write_whole
from featherbench.plugins import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MEMORY = Path(importlib.util.cache_from_source(__file__)).with_suffix(".json")


class Facts(NamedTuple):
    """`does` is a hash of the byte code; `imports` names modules, and what is taken from them."""

    does: str
    imports: Sequence[str]


def _constants(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, CodeType):
            yield _fingerprint(value)
        elif isinstance(value, frozenset):  # its order differs from process to process
            yield repr(sorted(map(repr, value)))
        else:
            yield repr(value)


def _fingerprint(code: CodeType) -> str:
    parts = (
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)),
        repr((code.co_argcount, code.co_kwonlyargcount, code.co_flags)),
        *_constants(code.co_consts),
    )
    return digest(*(part.encode() for part in parts))


def _imported_names(block: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in block:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)
        elif not (isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"):
            # Only statements hold imports: walking expressions too would take ten times as long.
            for inside in ("body", "orelse", "finalbody", "handlers"):
                yield from _imported_names(getattr(statement, inside, ()))


def examine(source: bytes) -> Facts:
    """Find the facts: byte code without comments and docstrings, and imports at any depth."""
    return Facts(
        does=_fingerprint(compile(source, "module", "exec", dont_inherit=True, optimize=2)),
        imports=tuple(sorted(set(_imported_names(ast.parse(source).body)))),
    )


def _examined_by() -> str:
    return digest(sys.version.encode(), Path(__file__).read_bytes())


def _remembered() -> Mapping[str, Facts]:
    with suppress(OSError, ValueError):
        memory: dict[str, Any] = json.loads(MEMORY.read_bytes())
        if memory.get("examined_by") == _examined_by():
            return {
                key: Facts(does, tuple(names)) for key, (does, names) in memory["facts"].items()
            }
    return {}


def _remember(facts: Mapping[str, Facts]) -> None:
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # a folder of somebody else's: then not
            memory = {"examined_by": _examined_by(), "facts": facts}
            write_whole(MEMORY, json.dumps(memory))


@cache
def _ours() -> Mapping[str, Facts]:
    """Give the facts of all files of ours, by the digest of the content."""
    files = [*PACKAGE.parent.glob("*.py"), *PACKAGE.rglob("*.py")]
    sources = {digest(source): source for source in (file.read_bytes() for file in files)}
    known = _remembered()
    facts = {key: known.get(key) or examine(source) for key, source in sources.items()}
    if facts.keys() - known.keys():
        _remember(facts)
    return facts


def facts_of(file: Path) -> Facts:
    """Give the facts of a Python file, as its content is now."""
    source = file.read_bytes()
    return _ours().get(digest(source)) or examine(source)
