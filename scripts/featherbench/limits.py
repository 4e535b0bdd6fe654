# SPDX-License-Identifier: Apache-2.0
"""The tuning that a process lives under, as the kernel tells it."""

from __future__ import annotations


def one_line(sysctl: str) -> str:
    """Give a sysctl's value with its numbers separated by one blank; the kernel uses tabs."""
    return " ".join(sysctl.split())


def open_files(limits: str) -> str:
    """Read the soft limit of open files from the content of /proc/PID/limits."""
    line = next(each for each in limits.splitlines() if each.startswith("Max open files"))
    return line.split()[3]
