# SPDX-License-Identifier: Apache-2.0
"""floor: a guest of featherbench that does the minimum, as the lower bound for all others."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/floor`."""

    name = "floor"
