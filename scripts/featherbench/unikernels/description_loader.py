# SPDX-License-Identifier: Apache-2.0
"""Finds an image's description: the one we ship, a user's own, or ours with a user's changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from pydantic import ValidationError

from featherbench.errors import ConfigError
from featherbench.paths import RESOURCES
from featherbench.unikernels.image_description import Description
from featherbench.unikernels.settings import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.unikernels.image_description import Backend

SHIPPED = RESOURCES / "unikernels"
GUIDE = "docs/unikernels.md"


def shipped(technology: str, service: str, backend: Backend) -> Path:
    """Say where our description of an image is, if there is one."""
    suffix = "" if backend == "qemu" else f"-{backend}"
    return SHIPPED / technology / f"{service}{suffix}.yaml"


def _refuse(where: str, what: str) -> NoReturn:
    raise ConfigError(f"{where}: {what}", remedy=f"see {GUIDE}")


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        _refuse(str(file), f"this description cannot be read: {error}")
    if not isinstance(content, dict):
        _refuse(str(file), "this description has no keys")
    return content


def merge(base: Any, changes: Any) -> Any:  # noqa: ANN401 - any YAML
    """Give `base` with `changes`: mappings key by key, lists of mappings item by item."""
    if isinstance(base, dict) and isinstance(changes, dict):
        return {**base, **{key: merge(base.get(key), value) for key, value in changes.items()}}
    both = (base, changes)
    if all(isinstance(each, list) and each and isinstance(each[0], dict) for each in both):
        merged = [merge(one, other) for one, other in zip(base, changes, strict=False)]
        longer = max(both, key=len)
        return [*merged, *longer[len(merged) :]]
    return changes


def _absolute(paths: Any, folder: Path) -> Any:  # noqa: ANN401 - any YAML
    """Make the paths in a description's content absolute; what is wrong is left to the model."""
    if isinstance(paths, str):
        return str((folder / paths).resolve())
    if isinstance(paths, list):
        return [_absolute(each, folder) for each in paths]
    return paths


def anchored(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Give a description's content with its paths relative to `folder`."""
    found = dict(content)
    if "kernel" in found:
        found["kernel"] = _absolute(found["kernel"], folder)
    if isinstance(found.get("make"), dict) and "inputs" in found["make"]:
        found["make"] = {**found["make"], "inputs": _absolute(found["make"]["inputs"], folder)}
    if isinstance(found.get("control"), dict) and "program" in found["control"]:
        program = _absolute(found["control"]["program"], folder)
        found["control"] = {**found["control"], "program": program}
    if isinstance(found.get("disks"), list):
        found["disks"] = [
            {**disk, "path": _absolute(disk["path"], folder)}
            if isinstance(disk, dict) and "path" in disk
            else disk
            for disk in found["disks"]
        ]
    return found


def _with_folder(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Fill ${folder} in the command that makes the image."""
    make = content.get("make")
    if not isinstance(make, dict) or not isinstance(make.get("command"), list):
        return content
    command = [str(word).replace("${folder}", str(folder.resolve())) for word in make["command"]]
    return {**content, "make": {**make, "command": command}}


def _with_constants(content: dict[str, Any], technology: str, where: str) -> dict[str, Any]:
    """Put in the constants that are named as those of a file of ours, such as `paper`."""
    named = content.get("constants")
    if not isinstance(named, str):
        return content
    file = SHIPPED / technology / f"constants-{named}.yaml"
    if not file.exists():
        _refuse(where, f"constants: {technology} has none that are called {named!r}")
    return {**content, "constants": _content(file)}


def parse(content: Mapping[str, Any], *, where: str) -> Description:
    """Check a description's content. Raises ConfigError."""
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        _refuse(where, f"{key}: {message}" if key else message)


def read(file: Path) -> Description:
    """Read and check a description. Raises ConfigError."""
    content = _with_folder(_content(file), file.parent)
    return parse(anchored(content, file.parent), where=str(file))


def find(
    technology: str, service: str, backend: Backend, given: Mapping[str, Any]
) -> Description | None:
    """Give the description of an app's image; None where there is none.

    `given` is what the configuration says of it: `description`, the path of the user's own, and
    whatever keys differ from that, or from the one we ship. Raises ConfigError.
    """
    wanted = given.get("backend", backend)
    file = (
        Path(given[DESCRIPTION]) if DESCRIPTION in given else shipped(technology, service, wanted)
    )
    if DESCRIPTION not in given and not file.exists():
        if not given:
            return None
        base: dict[str, Any] = {"backend": wanted}
    else:
        base = anchored(_with_folder(_content(file), file.parent), file.parent)
    changes = anchored({k: v for k, v in given.items() if k != DESCRIPTION}, Path.cwd())
    where = f"the description of {technology}'s {service} ({file})"
    return parse(_with_constants(merge(base, changes), technology, where), where=where)
