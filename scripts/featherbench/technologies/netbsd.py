# SPDX-License-Identifier: Apache-2.0
"""NetBSD: a whole system on a disk, that the user has prepared."""

from __future__ import annotations

from typing import ClassVar

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/netbsd`."""

    name: ClassVar[str] = "netbsd"
