# SPDX-License-Identifier: Apache-2.0
"""Finds a node again by the name that a record kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.node import LOCAL
from featherbench.ssh import SshNode

if TYPE_CHECKING:
    from featherbench.node import Node


def named(name: str) -> Node:
    """Give this machine, whose name is empty, or one that is reached by ssh."""
    return SshNode(name=name) if name else LOCAL
