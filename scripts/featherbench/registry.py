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

from featherbench.contracts.technology import OwnImages
from featherbench.errors import ConfigError
from featherbench.paths import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from featherbench.contracts.hypervisor import Hypervisor
    from featherbench.contracts.load_generator import LoadGenerator
    from featherbench.contracts.technology import Technology
    from featherbench.contracts.workload import Workload

CLASS_OF_KIND = {
    "technologies": "Technology",
    "hypervisors": "Hypervisor",
    "workloads": "Workload",
    "loadgens": "LoadGenerator",
}
CONTRACT_OF_KIND = {
    "technologies": "technology",
    "hypervisors": "hypervisor",
    "workloads": "workload",
    "loadgens": "load_generator",
}
NOUNS = {
    "technologies": "technology",
    "hypervisors": "hypervisor",
    "workloads": "workload",
    "loadgens": "load generator",
}
PLUGINS_VARIABLE = "FEATHERBENCH_PLUGINS"
"""Tells every job, and so the guard, the configuration's plugin folders. They are no fact that a
result depends on: what counts is the driver that was found in them."""
NOTHING_SET: Mapping[str, Any] = MappingProxyType({})


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
    """Map names to files: `<name>.py`, or `<name>/__init__.py`; `_name` is not a driver."""
    return {
        file.parent.name if file.stem == "__init__" else file.stem: file
        for folder in folders
        for file in sorted((*folder.glob("[!_]*.py"), *folder.glob("[!_]*/__init__.py")))
    }


@cache
def _module(file: Path) -> ModuleType:
    if file.is_relative_to(PACKAGE):
        inside = file.relative_to(PACKAGE).with_suffix("")
        return importlib.import_module(
            ".".join([PACKAGE.name, *inside.parts]).removesuffix(".__init__")
        )
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
            remedy=f"mend it; {PACKAGE / 'contracts'} says what it must have",
        ) from fault
    return module


def _contract_file(kind: str) -> Path:
    return PACKAGE / "contracts" / f"{CONTRACT_OF_KIND[kind]}.py"


@cache
def _demanded(kind: str) -> frozenset[str]:
    """Give the names that the contract of a kind of drivers demands."""
    contract = importlib.import_module(f"featherbench.contracts.{CONTRACT_OF_KIND[kind]}")
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
            remedy=f"see {_contract_file(kind)}",
        )
    if lacking := sorted(name for name in _demanded(kind) if not hasattr(found, name)):
        raise ConfigError(
            f"{CLASS_OF_KIND[kind]} in {file} lacks {', '.join(lacking)}",
            remedy=f"see {_contract_file(kind)}",
        )
    return found


def _driver(kind: str, name: str, plugins: Sequence[str] | None) -> Any:  # noqa: ANN401 - cast
    files = driver_files(kind, plugins)
    if name not in files:
        known = ", ".join(sorted(files))
        raise ConfigError(
            f"there is no {NOUNS[kind]} named {name!r}",
            remedy=f"use one of {known}, or name the folder that has {kind}/{name}.py in `plugins`",
        )
    return _of_contract(kind, files[name])()


def technology(name: str, plugins: Sequence[str] | None = None) -> Technology:
    """Give the technology driver of that name. Raises ConfigError when there is none."""
    return cast("Technology", _driver("technologies", name, plugins))


def hypervisor(name: str, plugins: Sequence[str] | None = None) -> Hypervisor:
    """Give the host of that name. Raises ConfigError when there is none."""
    return cast("Hypervisor", _driver("hypervisors", name, plugins))


def platform(
    technology_name: str,
    hypervisor_name: str,
    plugins: Sequence[str] | None = None,
    hypervisor_settings: Mapping[str, Any] = NOTHING_SET,
) -> Technology | None:
    """Give what runs the technology on the host; None when that host cannot run it.

    `host_settings` are the host's own keys of the configuration.
    """
    inner, place = technology(technology_name, plugins), hypervisor(hypervisor_name, plugins)
    return place.platform(
        technology_name, inner, place.Settings.model_validate(hypervisor_settings)
    )


def runnable_platform(
    technology_name: str, hypervisor_name: str, hypervisor_settings: Mapping[str, Any] = NOTHING_SET
) -> Technology:
    """Give what runs the technology on the host, for a job of a platform that was planned."""
    found = platform(technology_name, hypervisor_name, hypervisor_settings=hypervisor_settings)
    assert found is not None, (
        f"{technology_name} was planned on {hypervisor_name}, which cannot run it"
    )
    return found


def image_owner(
    technology_name: str, hypervisor_name: str, plugins: Sequence[str] | None = None
) -> str:
    """Name the folder of the images of a platform: those of a family of hosts are the same.

    A user's own are the platform's, whose settings say where they are.
    """
    if isinstance(technology(technology_name, plugins), OwnImages):
        return f"{technology_name}-{hypervisor_name}"
    family = hypervisor(hypervisor_name, plugins).image_family
    return f"{technology_name}-{family}" if family else technology_name


def workload(name: str, plugins: Sequence[str] | None = None) -> Workload:
    """Give the workload of that name. Raises ConfigError when there is none."""
    return cast("Workload", _driver("workloads", name, plugins))


def load_generator(name: str, plugins: Sequence[str] | None = None) -> LoadGenerator:
    """Give the load generator of that name. Raises ConfigError when there is none."""
    return cast("LoadGenerator", _driver("loadgens", name, plugins))
