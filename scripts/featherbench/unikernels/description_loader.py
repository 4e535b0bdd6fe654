# SPDX-License-Identifier: Apache-2.0
"""Loads an image's description: the shipped one, a user's own, or either with a user's changes.

The settings of a unikernel's platform say which.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, get_args

from pydantic import Field, ValidationError, field_validator

from featherbench.contracts.image_description import Backend, Description
from featherbench.contracts.settings import DriverSettings
from featherbench.errors import ConfigError
from featherbench.paths import RESOURCES
from featherbench.user_input import MOST_MIB, brief, read_yaml, shortened

SHIPPED = RESOURCES / "unikernels"
GUIDE = "docs/unikernels.md"
Service = Literal["http", "kv", "startup"]
VALUES = "values"
DESCRIPTION = "description"
"""The key for the path of a user's own description."""


class UnikernelSettings(DriverSettings):
    """The images, and the virtual machine that they run in."""

    images: dict[Service, dict[str, Any]] = Field(default_factory=dict)
    """By service: `description`, the path of your own description, or any of its keys, such as
    `kernel`, to replace those of the shipped description; see docs/unikernels.md."""
    memory_mib: Annotated[int, Field(ge=1, le=MOST_MIB)] | None = None
    """The guest's memory; null: as in the description."""

    @field_validator("images")
    @classmethod
    def _are_keys_of_descriptions(
        cls, images: dict[Service, dict[str, Any]]
    ) -> dict[Service, dict[str, Any]]:
        known = {DESCRIPTION, *Description.model_fields}
        for service, keys in images.items():
            if unknown := sorted(keys.keys() - known):
                listed = ", ".join(sorted(known))
                raise ValueError(
                    f"{service}: there is no key {shortened(unknown[0])}; known: {listed}"
                )
            if not isinstance(keys.get(DESCRIPTION, ""), str):
                raise ValueError(f"{service}: `{DESCRIPTION}` is a path: give text")  # noqa: TRY004
        return images


def shipped(technology: str, service: str, backend: Backend) -> Path:
    """Return the path of the shipped description of an image, whether or not it exists."""
    suffix = "" if backend == "qemu" else f"-{backend}"
    return SHIPPED / technology / f"{service}{suffix}.yaml"


def _refuse(location: str, fault: str) -> NoReturn:
    raise ConfigError(f"{location}: {fault}", remedy=f"see {GUIDE}")


def _content(file: Path) -> dict[str, Any]:
    try:
        return read_yaml(file)
    except ConfigError as error:
        _refuse(str(file), f"this description cannot be read: {error.message}")


def merge(base: Any, changes: Any) -> Any:  # noqa: ANN401 - any YAML
    """Return `base` with `changes`: mappings key by key, lists of mappings item by item.

    The `values` of `control` are replaced as a whole: who lists one wants no other.
    """
    if isinstance(base, dict) and isinstance(changes, dict):
        changed = {
            key: value if key == VALUES else merge(base.get(key), value)
            for key, value in changes.items()
        }
        return {**base, **changed}
    both = (base, changes)
    if all(isinstance(part, list) and part and isinstance(part[0], dict) for part in both):
        merged = [merge(*items) for items in zip(base, changes, strict=False)]
        return [*merged, *max(both, key=len)[len(merged) :]]
    return changes


def _absolute(paths: Any, folder: Path) -> Any:  # noqa: ANN401 - any YAML
    """Make the paths in a description's content absolute; the model reports what is wrong."""
    if isinstance(paths, str):
        return str((folder / paths).resolve())
    if isinstance(paths, list):
        return [_absolute(path, folder) for path in paths]
    return paths


def _with_absolute(part: Any, key: str, folder: Path) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(part, dict) and key in part:
        return {**part, key: _absolute(part[key], folder)}
    return part


def anchored(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a description's content with its paths relative to `folder` made absolute."""
    result: dict[str, Any] = _with_absolute(dict(content), "kernel", folder)
    for part, key in (("make", "inputs"), ("control", "program")):
        if part in result:
            result[part] = _with_absolute(result[part], key, folder)
    if isinstance(result.get("disks"), list):
        result["disks"] = [_with_absolute(disk, "path", folder) for disk in result["disks"]]
    return result


def _with_folder(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Fill ${folder} in the command that makes the image."""
    make = content.get("make")
    if not isinstance(make, dict) or not isinstance(make.get("command"), list):
        return content
    command = [str(word).replace("${folder}", str(folder.resolve())) for word in make["command"]]
    return {**content, "make": {**make, "command": command}}


def _with_constants(content: dict[str, Any], technology: str, location: str) -> dict[str, Any]:
    """Replace the name of a shipped set of constants, such as `paper`, by the constants."""
    name = content.get("constants")
    if not isinstance(name, str):
        return content
    if not name.isidentifier():
        _refuse(location, f"constants: {shortened(name)} is no name of a set")
    file = SHIPPED / technology / f"constants-{name}.yaml"
    if not file.exists():
        _refuse(location, f"constants: {technology} has no set named {name!r}")
    return {**content, "constants": _content(file)}


def parse(content: Mapping[str, Any], *, location: str) -> Description:
    """Check a description's content. Raise ConfigError, which starts with `location`."""
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        message = brief(first["msg"].removeprefix("Value error, "))
        _refuse(location, f"{key}: {message}" if key else message)


def _file_content(file: Path) -> dict[str, Any]:
    return anchored(_with_folder(_content(file), file.parent), file.parent)


def read(file: Path) -> Description:
    """Read and check a description. Raise ConfigError."""
    return parse(_file_content(file), location=str(file))


def find(
    technology: str, service: str, backend: Backend, keys: Mapping[str, Any]
) -> Description | None:
    """Return the description of a service's image; None if it has none. Raise ConfigError.

    `keys` are those of the configuration: `description`, the path of the user's own, and keys that
    replace those of that description, or of the shipped one.
    """
    chosen = keys.get("backend", backend)
    if chosen not in get_args(Backend):
        _refuse(f"{technology}'s {service}", f"backend: {shortened(chosen)} is none")
    file = Path(keys.get(DESCRIPTION, shipped(technology, service, chosen)))
    base: dict[str, Any] = {"backend": chosen}
    if DESCRIPTION in keys or file.exists():
        base = _file_content(file)
    elif not keys:
        return None
    changes = {key: value for key, value in keys.items() if key != DESCRIPTION}
    location = f"the description of {technology}'s {service} ({file})"
    content = merge(base, anchored(changes, Path.cwd()))
    return parse(_with_constants(content, technology, location), location=location)
