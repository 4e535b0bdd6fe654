# SPDX-License-Identifier: Apache-2.0
"""The label of everything that featherbench creates, and what broken runs left behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL = "featherbench"
"""Marks everything we create, so that leftovers can be found, and only ours."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something of ours that a broken run left behind.

    `state` is the Place.state that it was made for, where the driver can tell: another testbed on
    the same machine (a test's, another user's) then leaves it alone. Empty: it is anybody's.
    """

    kind: str
    name: str
    handle: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""
