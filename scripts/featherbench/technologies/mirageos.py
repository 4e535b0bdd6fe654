# SPDX-License-Identifier: Apache-2.0
"""MirageOS: an OCaml program and the libraries that it needs, on Solo5."""

from __future__ import annotations

from typing import ClassVar

from featherbench.unikernels.technology import Unikernel


class Technology(Unikernel):
    """See `resources/unikernels/mirageos`. On the bare host it is a process, under seccomp."""

    name: ClassVar[str] = "mirageos"
    runs_natively = True
