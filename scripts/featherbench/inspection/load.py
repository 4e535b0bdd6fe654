# SPDX-License-Identifier: Apache-2.0
"""What else happens on the machine, and whether it is a machine at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from featherbench.inspection.check import MachineProperty, noisy_if
from featherbench.system import procfs
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from featherbench.inspection.check import Surroundings
    from featherbench.records.machine import Judgement

BUSY_LOAD = 0.5
"""Half a CPU's work by others is what a two-CPU machine already notices."""

STOLEN_FRACTION = 0.005
"""Half a per cent: below it, steal is lost in the spread from window to window."""

SAMPLE_S = 0.5


class LoadAverage(MachineProperty[float]):
    """What others have done in the last minute."""

    name = "load average"
    advice = "end what else runs here, or wait until it has"

    def read(self, where: Surroundings) -> float | None:
        """Read the last minute's."""
        return procfs.load_average(where.root)

    def judge(self, value: float) -> Judgement:
        """Ask for an idle machine."""
        return noisy_if(value > BUSY_LOAD)


class Steal(MachineProperty[float]):
    """Time that the hypervisor gave to somebody else."""

    name = "steal"
    advice = "the hypervisor is busy with others: use a dedicated machine, or another hour"
    sample_s: ClassVar[float] = SAMPLE_S

    def read(self, where: Surroundings) -> float | None:
        """Sample the stolen fraction for a moment."""
        before = procfs.cpu_ticks(where.root)
        end_s = time.monotonic() + self.sample_s
        wait_until(
            lambda: time.monotonic() >= end_s,
            what="sampling the steal time",
            within_s=2 * self.sample_s + 1,
        )
        after = procfs.cpu_ticks(where.root)
        return None if before is None or after is None else (after - before).steal_fraction

    def judge(self, value: float) -> Judgement:
        """Ask for next to nothing."""
        return noisy_if(value > STOLEN_FRACTION)

    def show(self, value: float) -> str:
        """Give per cent."""
        return f"{value:.1%} of the CPU time"


class Virtualization(MachineProperty[str]):
    """Whether this machine is itself virtual."""

    name = "virtualisation"
    advice = "fine for trying out; publish figures from bare metal, where nobody else has the CPU"

    def read(self, where: Surroundings) -> str | None:
        """Name the hypervisor."""
        return procfs.virtualization(where.root)

    def judge(self, value: str) -> Judgement:
        """Ask for none."""
        return noisy_if(value != "none")

    def show(self, value: str) -> str:
        """Say it in words."""
        return "none: bare metal" if value == "none" else f"this is a virtual machine ({value})"
