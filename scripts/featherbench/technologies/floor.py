# SPDX-License-Identifier: Apache-2.0
"""floor: a guest of our own, and the least that any could take on a hypervisor."""

from __future__ import annotations

from typing import ClassVar

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/floor`."""

    name: ClassVar[str] = "floor"
