# SPDX-License-Identifier: Apache-2.0
"""Root file systems derived from the base, as `resources/rootfs/derived.yaml` describes them.

Pure: reading the descriptions, and what a job is told that makes one.
"""

from __future__ import annotations

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
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's names of those that differ from the kernel's."""
PACKAGE = re.compile(r"(?P<name>\S+)( \[(?P<architecture>\S+)\])?")


class Variant(Record):
    """One description; the file itself says what each key means."""

    over: str
    packages: tuple[str, ...]
    enabled: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)


class RootVariantSpec(Record):
    """What is made over the archive of the root file system below."""

    name: str
    suite: str
    packages: tuple[str, ...]
    enabled: tuple[str, ...]
    masked: tuple[str, ...]
    files: dict[str, str]
    code: str


@cache
def _variants() -> dict[str, Variant]:
    described = yaml.safe_load(DESCRIPTIONS.read_text())
    return {name: Variant.model_validate(told) for name, told in described.items()}


def names() -> tuple[str, ...]:
    """Name all of them; the base is none."""
    return tuple(_variants())


def below(name: str) -> str:
    """Name the root file system that this one is made over: another, or the base.

    Raises ConfigError when there is none of that name: a driver of the user's own asks for it.
    """
    if name not in _variants():
        raise ConfigError(
            f"there is no root file system named {name!r}",
            remedy=f"have the driver ask for one of {', '.join((BASE, *names()))}",
        )
    return _variants()[name].over


def chain(name: str) -> tuple[str, ...]:
    """Name what is laid over the base, one over the other, for this one; nothing for the base."""
    return () if name == BASE else (*chain(below(name)), name)


def packages_for(packages: tuple[str, ...], architecture: str) -> tuple[str, ...]:
    """Choose an architecture's packages, from a list with some as `NAME [ARCHITECTURE]`."""
    found = [PACKAGE.fullmatch(package) for package in packages]
    return tuple(
        each["name"] for each in found if each and each["architecture"] in {None, architecture}
    )


def spec(name: str, *, suite: str, code: str) -> RootVariantSpec:
    """Say what the job that makes it is told; `code` is the hash of the code that does."""
    machine = platform.machine()
    variant = _variants()[name]
    return RootVariantSpec(
        name=name,
        suite=suite,
        packages=packages_for(variant.packages, ARCHITECTURES.get(machine, machine)),
        enabled=variant.enabled,
        masked=variant.masked,
        files=variant.files,
        code=code,
    )
