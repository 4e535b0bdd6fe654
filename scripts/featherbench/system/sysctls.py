# SPDX-License-Identifier: Apache-2.0
"""The tuning that a process lives under, as the kernel tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.records.tuning import Tuning


HIDDEN = "cannot be set: this kernel hides it from the instance"
"""Stands for the value of a sysctl that an instance has, and nobody can set or read there."""


def one_line(sysctl: str) -> str:
    """Give a sysctl's value with its numbers separated by one blank; the kernel uses tabs."""
    return " ".join(sysctl.split())


def open_files(limits: str) -> str:
    """Read the soft limit of open files from the content of /proc/PID/limits."""
    line = next(each for each in limits.splitlines() if each.startswith("Max open files"))
    return line.split()[3]


def sysctl_files(tuning: Tuning) -> list[str]:
    """Name the files that tell the sysctls in `tuning`, in its order."""
    return [f"/proc/sys/{key.replace('.', '/')}" for key in tuning.net_sysctls]


def in_force(said: str, tuning: Tuning) -> Mapping[str, str]:
    """Read what `cat` prints of those files, and of /proc/PID/limits after them."""
    values = map(one_line, said.splitlines())
    found = dict(zip(tuning.net_sysctls, values, strict=False))
    return found if tuning.nofile is None else found | {"nofile": open_files(said)}
