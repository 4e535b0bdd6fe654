# SPDX-License-Identifier: Apache-2.0
"""The tuning of the server's side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Sysctls of the server's side that belong to a network namespace, and its limits."""

    net_sysctls: Mapping[str, str]
    nofile: int | None
