# SPDX-License-Identifier: Apache-2.0
"""OSv: one Linux application with a kernel of its own."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/osv`."""

    name = "osv"
