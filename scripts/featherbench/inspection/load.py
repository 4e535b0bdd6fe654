# SPDX-License-Identifier: Apache-2.0
"""Checks of what else the machine does, and whether it is a virtual machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from featherbench.inspection.check import Check, below_root
from featherbench.system import procfs
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from featherbench.inspection.check import CheckContext

BUSY_LOAD = 0.5
"""A two-CPU machine already notices half a CPU's work by others."""

STOLEN_FRACTION = 0.005
"""Half a per cent: below it, steal is smaller than the spread from window to window."""

SAMPLE_S = 0.5


def _stolen_fraction(context: CheckContext) -> float | None:
    """Sample the time that the hypervisor gave to others."""
    before = procfs.cpu_ticks(context.root)
    end_s = time.monotonic() + SAMPLE_S
    wait_until(
        lambda: time.monotonic() >= end_s,
        what="sampling the steal time",
        within_s=2 * SAMPLE_S + 1,
    )
    after = procfs.cpu_ticks(context.root)
    return None if before is None or after is None else (after - before).steal_fraction


LOAD_AVERAGE = Check(
    name="load average",
    read=below_root(procfs.load_average),
    is_bad=lambda average: average > BUSY_LOAD,
    advice="end what else runs here, or wait until it has",
)
STEAL = Check(
    name="steal",
    read=_stolen_fraction,
    is_bad=lambda fraction: fraction > STOLEN_FRACTION,
    show="{:.1%} of the CPU time".format,
    advice="the hypervisor is busy with others: use a dedicated machine, or another hour",
)
VIRTUALIZATION = Check(
    name="virtualisation",
    read=below_root(procfs.virtualization),
    is_bad=lambda name: name != "none",
    show=lambda name: (
        "none: bare metal" if name == "none" else f"this is a virtual machine ({name})"
    ),
    advice="enough to try things out; publish results from bare metal, which nobody else shares",
)
