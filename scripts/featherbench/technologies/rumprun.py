# SPDX-License-Identifier: Apache-2.0
"""Rumprun: NetBSD's drivers, linked with one application."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/rumprun`."""

    name = "rumprun"
