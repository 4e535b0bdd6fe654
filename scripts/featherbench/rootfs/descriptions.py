# SPDX-License-Identifier: Apache-2.0
"""Describe the derived root file systems: read `resources/rootfs/derived.yaml`.

Separate from `derived.py`, so that planning does not depend on the code that builds them.
"""

import platform
import re
from functools import cache

import yaml
from pydantic import Field

from featherbench.contracts.technology import BASE
from featherbench.errors import ConfigError
from featherbench.paths import RESOURCES
from featherbench.records.base import Record

DESCRIPTIONS = RESOURCES / "rootfs" / "derived.yaml"
"""Not declared with `resource()`: an edit of one entry rebuilds what is derived from that one only,
since each spec contains its own entry."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's names of architectures where they differ from the kernel's."""
PACKAGE = re.compile(r"(?P<name>\S+)( \[(?P<architecture>\S+)\])?")


class _Additions(Record):
    packages: tuple[str, ...]
    enabled: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)


class Description(_Additions):
    """One entry of the file; the file explains each key."""

    base: str


class DerivedRootFilesystemSpec(_Additions):
    """What the job that builds a derived root file system adds to the base's archive."""

    name: str
    suite: str
    code: str


@cache
def _descriptions() -> dict[str, Description]:
    entries = yaml.safe_load(DESCRIPTIONS.read_text(encoding="utf-8"))
    return {name: Description.model_validate(entry) for name, entry in entries.items()}


def names() -> tuple[str, ...]:
    """Return the names of all derived root file systems."""
    return tuple(_descriptions())


def base_of(name: str) -> str:
    """Return what a root file system is derived from. Raise ConfigError for an unknown name."""
    if name not in _descriptions():
        raise ConfigError(
            f"there is no root file system named {name!r}",
            remedy=f"have the driver ask for one of {', '.join((BASE, *names()))}",
        )
    return _descriptions()[name].base


def chain(name: str) -> tuple[str, ...]:
    """Return the derived root file systems from the base up to this one; none for the base."""
    return () if name == BASE else (*chain(base_of(name)), name)


def packages_for(packages: tuple[str, ...], architecture: str) -> tuple[str, ...]:
    """Choose an architecture's packages from a list in which some are `NAME [ARCHITECTURE]`."""
    matches = [PACKAGE.fullmatch(package) for package in packages]
    return tuple(
        match["name"]
        for match in matches
        if match and match["architecture"] in {None, architecture}
    )


def spec(name: str, *, suite: str, code: str) -> DerivedRootFilesystemSpec:
    """Return the spec of the job that builds it; `code` is the digest of the building code."""
    machine, description = platform.machine(), _descriptions()[name]
    packages = packages_for(description.packages, ARCHITECTURES.get(machine, machine))
    additions = description.model_dump(exclude={"base"}) | {"packages": packages}
    return DerivedRootFilesystemSpec(name=name, suite=suite, code=code, **additions)
