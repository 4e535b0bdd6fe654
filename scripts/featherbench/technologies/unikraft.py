# SPDX-License-Identifier: Apache-2.0
"""Unikraft: a kernel of the parts that one application needs."""

from __future__ import annotations

from typing import ClassVar

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/unikraft`."""

    name: ClassVar[str] = "unikraft"
