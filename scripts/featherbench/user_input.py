# SPDX-License-Identifier: Apache-2.0
"""What users write: YAML, its types, the names that reach other programs, and how it is quoted."""

import math
import re
import reprlib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic_core import core_schema

from featherbench.errors import ConfigError
from featherbench.paths import DEFAULT_CONFIG

MOST_BYTES = 40_000
"""Of a file; more would take YAML's reader longer than a second."""
MOST_DEPTH, MOST_VALUES, MOST_CHARACTERS = 20, 10_000, 10_000
MOST_INTEGER = 2**63 - 1
MOST_MIB = 1 << 24
"""16 TiB: more than any machine has."""
LONGEST_NAME = 255
NEVER_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

# Names that reach another program: nothing that could be an option, or a path, or several words.
SuiteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
PackageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]+$", max_length=128)]
PackageVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9*][A-Za-z0-9.+:~*-]*$", max_length=128)]
RuntimeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=128)]
DriverName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
SysctlName = Annotated[str, Field(pattern=r"^net(\.[A-Za-z0-9_-]+){2,}$", max_length=128)]
_WORD = "[A-Za-z0-9][A-Za-z0-9_.,:/-]*"
SysctlValue = Annotated[str, Field(pattern=rf"^{_WORD}([ \t]+{_WORD})*$", max_length=256)]


class _EachOnce:
    """Marks a list in which nothing is repeated."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "uniqueItems": True}

    @staticmethod
    def _check(items: tuple[object, ...]) -> tuple[object, ...]:
        if repeated := [item for item in items if items.count(item) > 1]:
            raise ValueError(f"{shortened(repeated[0])} is named twice")
        return items


EACH_ONCE = _EachOnce()


class Unquoted(str):
    """A text within a value of `--config`, which Snakemake hands over without its quotes."""

    __slots__ = ()


def unquoted(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Mark the texts within a value of `--config`: the key decides whether `10` is a number."""
    if isinstance(value, dict):
        return {key: unquoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    return Unquoted(value) if isinstance(value, str) else value


def shortened(value: object) -> str:
    """Return a value as it is quoted in a message."""
    quoted = reprlib.Repr()
    quoted.maxstring = quoted.maxother = quoted.maxlong = 60
    return quoted.repr(str(value) if isinstance(value, str) else value)


def brief(text: str, most: int = 300) -> str:
    """Return a text of other origin, cut if it is too long for a message."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class UserInput(BaseModel):
    """Keys that a user writes: frozen, none unknown, each value of its key's own type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _has_its_type(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        if value is None and NoneType not in (kinds := list(_kinds(field.annotation))):
            default = field.get_default(call_default_factory=True)
            if default in ((), {}) or isinstance(default, BaseModel):
                return default  # a section without keys
            raise ValueError(f"give its {_wanted(kinds)}, or leave the key out")
        return _checked(value, field.annotation)


def _kinds(annotation: object) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _kinds(member)
    else:
        yield annotation


def _is_section(kind: Any) -> bool:  # noqa: ANN401 - a type
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 - a type
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    if kind in (int, bool):
        return type(value) is kind
    if kind in (str, Path):  # whether a number may stand for text is up to the model
        return not isinstance(value, list | dict | None)
    if kind is NoneType:
        return value is None
    return kind in (Any, object) or not _is_section(kind) or isinstance(value, BaseModel)


def _checked(value: Any, annotation: object) -> Any:  # noqa: ANN401 - any YAML
    """Return a value for what is annotated so. Raise ValueError if its type is another one."""
    kinds = list(_kinds(annotation))
    if Any in kinds or object in kinds:
        return value
    if isinstance(value, Unquoted):
        value = _typed(value, kinds)
    lists = [kind for kind in kinds if get_origin(kind) is tuple]
    if isinstance(value, list | tuple) and lists:
        return [_checked(item, get_args(lists[0])[0]) for item in value]
    sections = list(filter(_is_section, kinds))
    if value is None and sections and NoneType not in kinds:
        return {}
    if isinstance(value, dict) and sections:
        arguments = get_args(sections[0])
        return {k: _checked(v, arguments[1]) for k, v in value.items()} if arguments else value
    if Path in kinds and any(len(part.encode()) > LONGEST_NAME for part in str(value).split("/")):
        raise ValueError(f"a name in a path has at most {LONGEST_NAME} bytes")
    if any(_fits(value, kind) for kind in kinds if kind not in lists):
        return value
    raise ValueError(_complaint(value, kinds))


def _typed(text: str, kinds: list[Any]) -> object:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return str(text)
    numbers = [kind for kind in kinds if kind in (int, float, bool, NoneType)]
    empty = value is None and str not in kinds
    return value if empty or any(_fits(value, kind) for kind in numbers) else str(text)


def _complaint(value: object, kinds: list[Any]) -> str:
    lists = [kind for kind in kinds if get_origin(kind) is tuple]
    if lists and not isinstance(value, dict | None):
        first, _, last = str(value).partition("-")
        if int in _kinds(get_args(lists[0])[0]) and first.isdecimal() and last.isdecimal():
            return f"give a list of single numbers: [{first}, …, {last}]"
        return f"give a list: [{brief(str(value), 60)}]"
    quoted = isinstance(value, str) and (int in kinds or float in kinds)
    remedy = " (leave out the quotes)" if quoted else ""
    return f"{shortened(value)} is no {_wanted(kinds)}{remedy}"


def _wanted(kinds: Any) -> str:  # noqa: ANN401 - types
    words = {int: "integer", float: "finite number", bool: "true or false"}
    return " or ".join(
        " or ".join(map(str, get_args(kind)))
        if get_origin(kind) is Literal
        else "list"
        if get_origin(kind) is tuple
        else "section with keys"
        if _is_section(kind)
        else words.get(kind, "text")
        for kind in kinds
        if kind is not NoneType
    )


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, as the last would win in silence, and deep nesting."""

    def fetch_flow_collection_start(self, token: Any) -> None:  # noqa: ANN401 - PyYAML's
        if self.flow_level > MOST_DEPTH:  # PyYAML takes seconds for some thousand levels
            raise yaml.YAMLError(f"line {self.line + 1} is nested too deeply")
        super().fetch_flow_collection_start(token)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401 - PyYAML's
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value in lines:
                raise ConfigError(
                    f"{self.name}: the key {shortened(key.value)} is given twice, in lines"
                    f" {lines[key.value]} and {line}",
                    remedy="keep one of them",
                )
            lines[str(key.value)] = line
        return node


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the keys of a YAML file. Raise ConfigError, with file, line and remedy."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(f"{path} has more than {MOST_BYTES} bytes", remedy="shorten it")
        loader = _Loader(content.decode("utf-8-sig"))
        loader.name = str(path)
        keys = loader.get_single_data()
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no file {path.absolute()}",
            remedy=f"name one that exists, such as `--configfile {DEFAULT_CONFIG}`",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", remedy="give a text file in UTF-8 that you may read"
        ) from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not YAML: {brief(str(error), 500)}",
            remedy="correct the line that the message names",
        ) from error
    if not isinstance(keys, dict):
        raise ConfigError(f"{path} has no keys", remedy="start from config/config.yaml")
    require_plain(keys, file=str(path))
    return keys


def require_plain(content: object, *, file: str) -> None:
    """Raise ConfigError if some value is of no use for any key, such as text with a NUL."""
    values, pending = 0, [("", content, 0)]
    while pending:
        key, value, depth = pending.pop()
        values += 1
        if depth > MOST_DEPTH or values > MOST_VALUES:
            _refuse(file, key, value, "this is nested too deeply, or has too many values")
        if isinstance(value, dict):
            for name, item in value.items():
                if not isinstance(name, str):
                    _refuse(file, key, name, "a key is text: put it in quotes")
                _require_plain_text(file, key, name)
                pending.append((f"{key}.{name}".lstrip("."), item, depth + 1))
        elif isinstance(value, list):
            pending += [(f"{key}.{i}", item, depth + 1) for i, item in enumerate(value)]
        elif isinstance(value, str):
            _require_plain_text(file, key, value)
        elif not isinstance(value, int | float | None):
            _refuse(file, key, value, "give a number, a list, or text in quotes")
        elif isinstance(value, int) and abs(value) > MOST_INTEGER:
            _refuse(file, key, value, f"give a number that is at most {MOST_INTEGER}")


def _require_plain_text(file: str, key: str, text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        _refuse(file, key, text, f"give at most {MOST_CHARACTERS} characters")
    if NEVER_IN_TEXT.search(text):
        _refuse(file, key, text, "no text has control characters")


def _refuse(file: str, key: str, value: object, fault: str) -> NoReturn:
    where = shortened(key) if key else "a value"
    raise ConfigError(
        f"{file}: {where} is {shortened(value)}: {fault}",
        remedy="see config/README.md for what this key takes",
    )
