# SPDX-License-Identifier: Apache-2.0
"""Finds drivers by their name in the configuration: here, then in the user's plugin folders."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from featherbench.errors import ConfigError
from featherbench.platforms.contract import OwnImages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from featherbench.hosts.contract import Host
    from featherbench.loadgens.contract import LoadGenerator
    from featherbench.platforms.contract import Technology
    from featherbench.workloads.contract import Workload

PACKAGE = Path(__file__).parent
CLASS_OF_KIND = {
    "platforms": "Technology",
    "hosts": "Host",
    "workloads": "Workload",
    "loadgens": "LoadGenerator",
}
PLUGINS_VARIABLE = "FEATHERBENCH_PLUGINS"
"""Tells every job, and so the guard, the configuration's plugin folders. They are no fact that a
result depends on: what counts is the driver that was found in them."""
NOTHING_SET: Mapping[str, Any] = MappingProxyType({})
NOT_A_DRIVER = {"__init__", "contract"}


def folders_from_environment() -> tuple[str, ...]:
    """Give the plugin folders of the workflow that this job belongs to."""
    return tuple(filter(None, os.environ.get(PLUGINS_VARIABLE, "").split(os.pathsep)))


def driver_files(kind: str, plugins: Sequence[str] | None = None) -> dict[str, Path]:
    """Map the names of all drivers of a kind to their files; ours win over a plugin's.

    `plugins` are the user's folders; None stands for those of the workflow that this job is of.
    """
    outside = folders_from_environment() if plugins is None else plugins
    return dict(_files_in((*(Path(folder) / kind for folder in outside), PACKAGE / kind)))


# What planning asks of every cell is looked up once.


@cache
def _files_in(folders: tuple[Path, ...]) -> dict[str, Path]:
    return {
        file.stem: file
        for folder in folders
        for file in sorted(folder.glob("*.py"))
        if file.stem not in NOT_A_DRIVER
    }


@cache
def _module(file: Path) -> ModuleType:
    if file.is_relative_to(PACKAGE):
        inside = file.relative_to(PACKAGE).with_suffix("")
        return importlib.import_module(".".join(["featherbench", *inside.parts]))
    name = f"featherbench_plugin_{file.parent.name}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as fault:
        raise ConfigError(
            f"the plugin {file} cannot be loaded: {type(fault).__name__}: {fault}",
            remedy=f"mend it; {PACKAGE / file.parent.name / 'contract.py'} says what it must have",
        ) from fault
    return module


@cache
def _demanded(kind: str) -> frozenset[str]:
    """Give the names that the contract of a kind of drivers demands."""
    contract = importlib.import_module(f"featherbench.{kind}.contract")
    protocol = getattr(contract, CLASS_OF_KIND[kind])
    return frozenset(
        name for name in {*vars(protocol), *protocol.__annotations__} if not name.startswith("_")
    )


@cache
def _of_contract(kind: str, file: Path) -> type:
    """Give the class of a driver's file. Raises ConfigError when it lacks what it must have."""
    found = getattr(_module(file), CLASS_OF_KIND[kind], None)
    if not isinstance(found, type):
        raise ConfigError(
            f"{file} has no class {CLASS_OF_KIND[kind]}",
            remedy=f"see {PACKAGE / kind / 'contract.py'}",
        )
    if lacking := sorted(name for name in _demanded(kind) if not hasattr(found, name)):
        raise ConfigError(
            f"{CLASS_OF_KIND[kind]} in {file} lacks {', '.join(lacking)}",
            remedy=f"see {PACKAGE / kind / 'contract.py'}",
        )
    return found


def _driver(kind: str, name: str, plugins: Sequence[str] | None) -> Any:  # noqa: ANN401 - cast
    files = driver_files(kind, plugins)
    if name not in files:
        known = ", ".join(sorted(files))
        raise ConfigError(
            f"there is no {kind.removesuffix('s')} named {name!r}",
            remedy=f"use one of {known}, or name the folder that has {kind}/{name}.py in `plugins`",
        )
    return _of_contract(kind, files[name])()


def technology(name: str, plugins: Sequence[str] | None = None) -> Technology:
    """Give the technology driver of that name. Raises ConfigError when there is none."""
    return cast("Technology", _driver("platforms", name, plugins))


def host(name: str, plugins: Sequence[str] | None = None) -> Host:
    """Give the host of that name. Raises ConfigError when there is none."""
    return cast("Host", _driver("hosts", name, plugins))


def platform(
    technology_name: str,
    host_name: str,
    plugins: Sequence[str] | None = None,
    host_settings: Mapping[str, Any] = NOTHING_SET,
) -> Technology | None:
    """Give what runs the technology on the host; None when that host cannot run it.

    `host_settings` are the host's own keys of the configuration.
    """
    inner, place = technology(technology_name, plugins), host(host_name, plugins)
    return place.platform(technology_name, inner, place.Settings.model_validate(host_settings))


def runnable_platform(
    technology_name: str, host_name: str, host_settings: Mapping[str, Any] = NOTHING_SET
) -> Technology:
    """Give what runs the technology on the host, for a job of a platform that was planned."""
    found = platform(technology_name, host_name, host_settings=host_settings)
    assert found is not None, f"{technology_name} was planned on {host_name}, which cannot run it"
    return found


def image_owner(technology_name: str, host_name: str, plugins: Sequence[str] | None = None) -> str:
    """Name the folder of the images of a platform: those of a family of hosts are the same.

    A user's own are the platform's, whose settings say where they are.
    """
    if isinstance(technology(technology_name, plugins), OwnImages):
        return f"{technology_name}-{host_name}"
    family = host(host_name, plugins).image_family
    return f"{technology_name}-{family}" if family else technology_name


def workload(name: str, plugins: Sequence[str] | None = None) -> Workload:
    """Give the workload of that name. Raises ConfigError when there is none."""
    return cast("Workload", _driver("workloads", name, plugins))


def load_generator(name: str, plugins: Sequence[str] | None = None) -> LoadGenerator:
    """Give the load generator of that name. Raises ConfigError when there is none."""
    return cast("LoadGenerator", _driver("loadgens", name, plugins))
