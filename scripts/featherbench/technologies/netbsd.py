# SPDX-License-Identifier: Apache-2.0
"""NetBSD: a whole system on a disk, prepared by the user."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/netbsd`."""

    name = "netbsd"
