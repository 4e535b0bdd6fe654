# SPDX-License-Identifier: Apache-2.0
"""Finds a node again by the name that a record kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.system.machine import LOCAL
from featherbench.system.ssh import SshMachine

if TYPE_CHECKING:
    from featherbench.system.machine import Machine


def named(name: str) -> Machine:
    """Give this machine, whose name is empty, or one that is reached by ssh."""
    return SshMachine(name=name) if name else LOCAL
