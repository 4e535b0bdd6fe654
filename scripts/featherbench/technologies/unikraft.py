# SPDX-License-Identifier: Apache-2.0
"""Unikraft: a kernel of the components that one application needs."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/unikraft`."""

    name = "unikraft"
