# SPDX-License-Identifier: Apache-2.0
"""Finds drivers by their names in the configuration: in this package, then in plugin folders."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, overload

from featherbench.errors import ConfigError
from featherbench.paths import PACKAGE

if TYPE_CHECKING:
    from featherbench.contracts.hypervisor import Hypervisor
    from featherbench.contracts.load_generator import LoadGenerator
    from featherbench.contracts.technology import Technology
    from featherbench.contracts.workload import Workload

Folders = Sequence[str] | None
"""The user's plugin folders; None stands for those of the workflow that runs this job."""
Kind = Literal["technologies", "hypervisors", "workloads", "loadgens"]
CONTRACTS: Mapping[str, str] = MappingProxyType(
    {
        "technologies": "technology",
        "hypervisors": "hypervisor",
        "workloads": "workload",
        "loadgens": "load_generator",
    }
)
"""The contract of each kind of driver: a module of `contracts/`, whose class has the same name."""
PLUGINS_VARIABLE = "FEATHERBENCH_PLUGINS"
"""Environment variable with the plugin folders, for jobs and the guard. It is no parameter of a
job: a result depends on the drivers that were loaded, not on where they were."""
NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


def folders_from_environment() -> tuple[str, ...]:
    """Return the plugin folders of the workflow that this job belongs to."""
    return tuple(filter(None, os.environ.get(PLUGINS_VARIABLE, "").split(os.pathsep)))


def driver_files(kind: str, plugins: Folders = None) -> dict[str, Path]:
    """Map the names of all drivers of a kind to their files; a plugin cannot replace a driver."""
    outside = folders_from_environment() if plugins is None else plugins
    return dict(_files_in((*(Path(folder) / kind for folder in outside), PACKAGE / kind)))


@cache  # planning asks for every cell
def _files_in(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Map names to files: `<name>.py` or `<name>/__init__.py`; `_name` is not a driver."""
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
            remedy=f"correct it; {PACKAGE / 'contracts'} says what it must have",
        ) from fault
    return module


def _class_name(kind: str) -> str:
    return CONTRACTS[kind].title().replace("_", "")


@cache
def _contract(kind: str) -> type:
    module = importlib.import_module(f"{PACKAGE.name}.contracts.{CONTRACTS[kind]}")
    contract: type = getattr(module, _class_name(kind))
    return contract


@cache
def _driver_class(kind: str, file: Path) -> type:
    """Return the class in a driver's file. Raise ConfigError if it does not meet the contract."""
    driver, name = getattr(_module(file), _class_name(kind), None), _class_name(kind)
    remedy = f"see {PACKAGE / 'contracts' / CONTRACTS[kind]}.py"
    if not isinstance(driver, type):
        raise ConfigError(f"{file} has no class {name}", remedy=remedy)
    contract = _contract(kind)
    if not issubclass(driver, contract):
        raise ConfigError(
            f"{name} in {file} does not derive from {contract.__module__}.{name}", remedy=remedy
        )
    required = {n for n in (*vars(contract), *contract.__annotations__) if not n.startswith("_")}
    missing = {
        *getattr(driver, "__abstractmethods__", ()),
        *(n for n in required if not hasattr(driver, n)),
    }
    if missing:
        raise ConfigError(f"{name} in {file} lacks {', '.join(sorted(missing))}", remedy=remedy)
    return driver


@overload
def load(kind: Literal["technologies"], name: str, plugins: Folders = None) -> Technology: ...
@overload
def load(kind: Literal["hypervisors"], name: str, plugins: Folders = None) -> Hypervisor: ...
@overload
def load(kind: Literal["workloads"], name: str, plugins: Folders = None) -> Workload: ...
@overload
def load(kind: Literal["loadgens"], name: str, plugins: Folders = None) -> LoadGenerator: ...
def load(kind: Kind, name: str, plugins: Folders = None) -> object:
    """Return the driver of that kind and name. Raise ConfigError if there is none."""
    files = driver_files(kind, plugins)
    if name not in files:
        known = ", ".join(sorted(files))
        raise ConfigError(
            f"there is no {CONTRACTS[kind].replace('_', ' ')} named {name!r}",
            remedy=f"use one of {known}, or add the folder with {kind}/{name}.py to `plugins`",
        )
    return _driver_class(kind, files[name])()


def platform(
    technology_name: str,
    hypervisor_name: str,
    plugins: Folders = None,
    hypervisor_settings: Mapping[str, Any] = NO_SETTINGS,
) -> Technology | None:
    """Return what runs the technology on the hypervisor, or None if that cannot run it.

    `hypervisor_settings` are the hypervisor's own keys of the configuration.
    """
    technology = load("technologies", technology_name, plugins)
    hypervisor = load("hypervisors", hypervisor_name, plugins)
    settings = hypervisor.Settings.model_validate(hypervisor_settings)
    return hypervisor.platform(technology_name, technology, settings)


def image_owner(technology_name: str, hypervisor_name: str, plugins: Folders = None) -> str:
    """Return the folder of a platform's images: hypervisors of one family share them.

    Images that the user brings belong to one platform, since its settings say where they are.
    """
    if load("technologies", technology_name, plugins).user_images:
        return f"{technology_name}-{hypervisor_name}"
    family = load("hypervisors", hypervisor_name, plugins).image_family
    return f"{technology_name}-{family}" if family else technology_name
