# SPDX-License-Identifier: Apache-2.0
"""Nanos: one Linux program on a kernel that runs just that."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/nanos`."""

    name = "nanos"
