# SPDX-License-Identifier: Apache-2.0
"""Properties of the CPUs: what makes the same work take a different time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.inspection.check import MachineProperty, noisy_if
from featherbench.system import procfs

if TYPE_CHECKING:
    from featherbench.inspection.check import Surroundings
    from featherbench.records.machine import Judgement

STEADY_GOVERNORS = {"performance"}
PRECISE_CLOCKS = {"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}
"""Those that a program reads without entering the kernel."""

SLOW_WAKE_US = 50
"""About half a ping round trip: an idle state that takes longer to leave shows in the latency."""

ENOUGH_CPUS = 2


class CpuCount(MachineProperty[int]):
    """How many CPUs there are for client and server."""

    name = "CPUs"
    advice = "with one CPU, client and server share it: measure from a second machine"

    def read(self, where: Surroundings) -> int | None:
        """Count those on line."""
        return procfs.cpu_count(where.root)

    def judge(self, value: int) -> Judgement:
        """Ask for one each."""
        return noisy_if(value < ENOUGH_CPUS)


class Governor(MachineProperty[tuple[str, ...]]):
    """How the kernel chooses the frequency."""

    name = "CPU governor"
    advice = "set it for the run: cpupower frequency-set -g performance"

    def read(self, where: Surroundings) -> tuple[str, ...] | None:
        """Read all CPUs'."""
        return procfs.governors(where.root) or None

    def judge(self, value: tuple[str, ...]) -> Judgement:
        """Ask for one that does not follow the load."""
        return noisy_if(not STEADY_GOVERNORS.issuperset(value))

    def show(self, value: tuple[str, ...]) -> str:
        """Name each once."""
        return ", ".join(value)


class Turbo(MachineProperty[bool]):
    """Frequencies above the nominal one, which depend on heat and on the neighbours."""

    name = "turbo"
    advice = (
        "switch it off for the run: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, "
        "or echo 0 > /sys/devices/system/cpu/cpufreq/boost"
    )

    def read(self, where: Surroundings) -> bool | None:
        """Read the driver's switch."""
        return procfs.turbo(where.root)

    def judge(self, value: bool) -> Judgement:  # noqa: FBT001 - the contract's
        """Ask for off."""
        return noisy_if(value)

    def show(self, value: bool) -> str:  # noqa: FBT001 - the contract's
        """Say on or off."""
        return "on" if value else "off"


class Smt(MachineProperty[bool]):
    """Two CPUs that share a core disturb each other."""

    name = "SMT"
    advice = "switch it off for the run: echo off > /sys/devices/system/cpu/smt/control"

    def read(self, where: Surroundings) -> bool | None:
        """Read whether it is active."""
        return procfs.smt(where.root)

    def judge(self, value: bool) -> Judgement:  # noqa: FBT001 - the contract's
        """Ask for off."""
        return noisy_if(value)

    def show(self, value: bool) -> str:  # noqa: FBT001 - the contract's
        """Say on or off."""
        return "on" if value else "off"


class IdleStates(MachineProperty[dict[str, int]]):
    """Idle states that a CPU needs time to leave."""

    name = "idle states"
    advice = f"forbid the slow ones for the run: cpupower idle-set -D {SLOW_WAKE_US}"

    def read(self, where: Surroundings) -> dict[str, int] | None:
        """Read those that the first CPU may enter."""
        return procfs.idle_states_us(where.root) or None

    def judge(self, value: dict[str, int]) -> Judgement:
        """Ask for quick ones."""
        return noisy_if(max(value.values()) > SLOW_WAKE_US)

    def show(self, value: dict[str, int]) -> str:
        """Give the deepest one."""
        deepest = max(value, key=lambda name: value[name])
        return f"{deepest} at most, {value[deepest]} µs to wake up"


class ClockSource(MachineProperty[str]):
    """The clock that every duration is read from."""

    name = "clock source"
    advice = "choose tsc at boot (clocksource=tsc), if the kernel does not call it unstable"

    def read(self, where: Surroundings) -> str | None:
        """Read the one in use."""
        return procfs.clock_source(where.root)

    def judge(self, value: str) -> Judgement:
        """Ask for one that is read without a system call."""
        return noisy_if(value not in PRECISE_CLOCKS)


class Mitigations(MachineProperty[dict[str, str]]):
    """What the kernel does against the CPU's faults costs each technology differently."""

    name = "mitigations"
    advice = ""

    def read(self, where: Surroundings) -> dict[str, str] | None:
        """Read those of the faults that this CPU has."""
        return procfs.mitigations(where.root)

    def judge(self, value: dict[str, str]) -> Judgement:  # noqa: ARG002 - recorded, not judged
        """Judge nothing: this is a property of the machine that one would deploy on."""
        return noisy_if(bad=False)

    def show(self, value: dict[str, str]) -> str:
        """Count them."""
        open_ones = sum(state.startswith("Vulnerable") for state in value.values())
        return f"{len(value) - open_ones} in force, {open_ones} left open"
