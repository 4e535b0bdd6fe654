# SPDX-License-Identifier: Apache-2.0
"""Reads and checks a configuration file; a mistake is one message with key, file and remedy."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import yaml
from pydantic import BaseModel, ValidationError

from featherbench.config.models import Config
from featherbench.errors import ConfigError
from featherbench.registry import driver_files, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from featherbench.registry import Kind


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
    key = (prefix + ".".join(map(str, location))).rstrip(".") or "(the whole file)"
    if first["type"] == "extra_forbidden":
        remedy = "remove it, or correct its name"
        if not prefix:
            remedy += "; " + _suggestion(str(location[-1]), _keys_of_section(location))
        raise ConfigError(f"{file}: there is no key {key!r}", remedy=remedy)
    if first["type"] == "missing":
        raise ConfigError(f"{file}: the key {key!r} is missing", remedy="add it")
    message = first["msg"].removeprefix("Value error, ")
    raise ConfigError(
        f"{file}: {key!r} is {first['input']!r}: {message}",
        remedy="see config/README.md for what this key takes",
    )


def _check(config: Config, file: str) -> None:
    for folder in config.plugins:
        if not Path(folder).is_dir():
            raise ConfigError(
                f"{file}: 'plugins' names {folder!r}, which is not a folder",
                remedy="give its path, relative to the folder that you run snakemake in",
            )
    names = [platform.name for platform in config.platforms]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"{file}: 'platforms' names {repeated[0]!r} twice",
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
                f"{file}: {kind!r} names {name!r}, which does not exist",
                remedy=_suggestion(name, known),
            )


def validate(content: Mapping[str, Any], *, file: str) -> Config:
    """Check a configuration's content. Raise ConfigError, with key, file and remedy."""
    try:
        config = Config.model_validate(dict(content))
    except ValidationError as error:
        raise_config_error(error, file=file)
    _check(config, file)
    return config


def read(path: Path) -> dict[str, Any]:
    """Return the content of a configuration file, unchecked. Raise ConfigError if unreadable."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}", remedy="name one that exists") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", remedy="give a text file in UTF-8 that you may read"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{path} is not YAML: {error}", remedy="correct the line that the message names"
        ) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} has no keys", remedy="start from config/config.yaml")
    return content


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raise ConfigError."""
    return validate(read(path), file=str(path))
