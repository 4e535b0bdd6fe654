# SPDX-License-Identifier: Apache-2.0
"""MirageOS: an OCaml program with the libraries that it needs, on Solo5."""

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/mirageos`. Without a hypervisor, seccomp confines its process."""

    name = "mirageos"
    runs_natively = True
