# SPDX-License-Identifier: Apache-2.0
"""Nanos: one Linux program on a kernel that runs just that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from featherbench.unikernels.technology import Unikernel


@dataclass(frozen=True, kw_only=True)
class Technology(Unikernel):
    """See `resources/unikernels/nanos`."""

    name: ClassVar[str] = "nanos"
