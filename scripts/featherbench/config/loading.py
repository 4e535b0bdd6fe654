# SPDX-License-Identifier: Apache-2.0
"""Reads and checks a configuration file; a mistake is one message with key, file and remedy."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, NoReturn, get_args

from pydantic import BaseModel, ValidationError

from featherbench.config.models import Config
from featherbench.errors import ConfigError, FeatherbenchError
from featherbench.registry import CONTRACTS, Kind, driver_files, load
from featherbench.user_input import brief, read_yaml, require_plain, shortened, unquoted

UNION_MEMBER = re.compile(r"\[.*\]|^(function|constrained)-")
"""What pydantic adds to the keys: no word of the user's."""


def _suggestion(wrong: str, known: list[str]) -> str:
    names = ", ".join(known)
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean {near[0]!r}? Known: {names}" if near else f"known: {names}"


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model in a field's type, such as that of a list's items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _keys_of_section(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the section which holds a wrong key has."""
    model: type[BaseModel] = Config
    for step in location[:-1]:  # also list positions, and names of workloads: no fields
        if field := model.model_fields.get(str(step)):
            model = _model_in(field.annotation) or model
    return sorted(model.model_fields)


def raise_config_error(error: ValidationError, *, file: str, prefix: str = "") -> NoReturn:
    """Turn pydantic's first complaint into one ConfigError with key, file and remedy."""
    first = error.errors()[0]
    location = tuple(first["loc"])
    steps = [step for step in map(str, location) if not UNION_MEMBER.search(step)]
    key = brief((prefix + ".".join(steps)).rstrip("."), 100) or "(the whole file)"
    if first["type"] == "extra_forbidden":
        remedy = "remove it, or correct its name"
        if not prefix:
            remedy += "; " + _suggestion(str(location[-1]), _keys_of_section(location))
        raise ConfigError(f"{file}: there is no key {key!r}", remedy=remedy)
    if first["type"] == "missing":
        raise ConfigError(f"{file}: the key {key!r} is missing", remedy="add it")
    message = brief(first["msg"].removeprefix("Value error, "))
    raise ConfigError(
        f"{file}: {key!r} is {shortened(first['input'])}: {message}",
        remedy="see config/README.md for what this key takes",
    )


def _has_drivers(folder: str) -> bool:
    try:
        return os.pathsep not in folder and any(Path(folder, kind).is_dir() for kind in CONTRACTS)
    except OSError:  # a name that is too long
        return False


def _check(config: Config, file: str) -> None:
    for folder in config.plugins:
        if not _has_drivers(folder):
            raise ConfigError(
                f"{file}: 'plugins' names {shortened(folder)}, which has no folder of drivers",
                remedy="give its path, without ':', relative to the folder that you run snakemake"
                f" in; a folder of drivers is one of {', '.join(CONTRACTS)}",
            )
    names = [platform.name for platform in config.platforms]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"{file}: 'platforms' names {shortened(repeated[0])} twice",
            remedy="name it once; several networks are `network: [nat, bridge]`",
        )
    _check_known("workloads", config.workloads, config, file)
    _check_known("hypervisors", config.hypervisors, config, file)
    for name, settings in config.hypervisors.items():
        try:
            load("hypervisors", name, config.plugins).Settings.model_validate(settings)
        except ValidationError as error:
            raise_config_error(error, file=file, prefix=f"hypervisors.{name}.")


def _check_known(kind: Kind, names: Iterable[str], config: Config, file: str) -> None:
    known = sorted(driver_files(kind, config.plugins))
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{file}: {kind!r} names {shortened(name)}, which does not exist",
                remedy=_suggestion(name, known),
            )


def validate(content: Mapping[str, Any], *, file: str) -> Config:
    """Check a configuration's content. Raise ConfigError, with key, file and remedy."""
    require_plain(content, file=file)
    try:
        config = Config.model_validate(dict(content))
    except ValidationError as error:
        raise_config_error(error, file=file)
    _check(config, file)
    return config


def _merged(base: object, changes: object) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(base, dict) and isinstance(changes, dict):
        return {**base, **{key: _merged(base.get(key), item) for key, item in changes.items()}}
    return changes


def read(files: Iterable[Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the files and `--config` say, unchecked: mappings are merged, the last wins.

    Raise ConfigError if a file is no YAML.
    """
    content: dict[str, Any] = reduce(
        _merged, [*map(read_yaml, files), unquoted(dict(overrides))], {}
    )
    return content


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Name the configuration's file in errors that do not."""
    try:
        yield
    except FeatherbenchError as error:
        if file in error.message:
            raise
        raise ConfigError(f"{file}: {error.message}", remedy=error.remedy) from error


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raise ConfigError."""
    return validate(read_yaml(path), file=str(path))
