# SPDX-License-Identifier: Apache-2.0
"""The sysctls and limits that are in force for a process, as its kernel shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.system.procfs import one_line, parse_open_file_limits, sysctl_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.records.tuning import Tuning

HIDDEN = "cannot be set: this kernel hides it from the instance"
"""Stands for the value of a sysctl that an instance has, and nobody can set or read there."""


def parse_sysctl(output: str) -> dict[str, str]:
    """Parse what `sysctl KEY …` prints: `key = value` on each line."""
    pairs = (line.partition("=") for line in output.splitlines() if "=" in line)
    return {key.strip(): one_line(value) for key, _, value in pairs}


def sysctl_files(tuning: Tuning) -> list[str]:
    """Return the files of the sysctls in `tuning`, in its order."""
    return [f"/{sysctl_file(key)}" for key in tuning.net_sysctls]


def in_force(output: str, tuning: Tuning) -> Mapping[str, str]:
    """Parse what `cat` prints of those files, and of /proc/PID/limits after them."""
    values = dict(zip(tuning.net_sysctls, map(one_line, output.splitlines()), strict=False))
    return (
        values if tuning.nofile is None else values | {"nofile": parse_open_file_limits(output)[0]}
    )


def of_process(pid: int, tuning: Tuning) -> Mapping[str, str]:
    """Read what is in force for a process of this machine that shares this process's network."""
    files = [*sysctl_files(tuning), *([] if tuning.nofile is None else [f"/proc/{pid}/limits"])]
    return in_force("".join(Path(file).read_text(encoding="utf-8") for file in files), tuning)
