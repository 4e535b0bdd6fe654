# SPDX-License-Identifier: Apache-2.0
"""Checks of CPUs, memory and load: what makes the same work take a different time."""

import time
from pathlib import Path
from typing import Any

from featherbench.inspection.check import Check, listed, on_or_off
from featherbench.records.machine import Judgement
from featherbench.system import energy, procfs
from featherbench.system.polling import wait_until
from featherbench.units import GIB, MIB

STEADY_GOVERNORS = {"performance"}
PRECISE_CLOCKS = {"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}
"""Those that a program reads without entering the kernel."""
SLOW_WAKE_US = 50
"""About half a ping round trip: an idle state that takes longer to leave shows in the latency."""
ENOUGH_CPUS = 2
LEAST_MEMORY_BYTES = 1 * GIB
"""The root file system is built in memory-backed caches beside a Redis and an nginx."""
BUSY_LOAD = 0.5
"""A two-CPU machine already notices half a CPU's work by others."""
STOLEN_FRACTION = 0.005
"""Half a per cent: below it, steal is smaller than the spread from window to window."""
SAMPLE_S = 0.5


def _deepest(states_us: dict[str, int]) -> str:
    name = max(states_us, key=lambda state: states_us[state])
    return f"{name} at most, {states_us[name]} µs to wake up"


def _mitigations(states: dict[str, str]) -> str:
    vulnerable = sum(state.startswith("Vulnerable") for state in states.values())
    return f"{len(states) - vulnerable} in force, {vulnerable} left open"


def _available_and_total_bytes(root: Path) -> tuple[int, int] | None:
    available_bytes = procfs.memory_bytes(root, "MemAvailable")
    total_bytes = procfs.memory_bytes(root)
    if available_bytes is None or total_bytes is None:
        return None
    return available_bytes, total_bytes


def _stolen_fraction(root: Path) -> float | None:
    """Sample the time that the hypervisor gave to others."""
    before = procfs.cpu_ticks(root)
    end_s = time.monotonic() + SAMPLE_S
    wait_until(
        lambda: time.monotonic() >= end_s, what="sampling the steal time", within_s=2 * SAMPLE_S + 1
    )
    after = procfs.cpu_ticks(root)
    return None if before is None or after is None else (after - before).steal_fraction


CHECKS: tuple[Check[Any], ...] = (
    Check(name="CPU", read=procfs.cpu_model),
    Check(name="microcode", read=procfs.microcode),
    Check(name="kernel", read=procfs.kernel_release),
    Check(name="operating system", read=procfs.operating_system),
    Check(
        name="virtualisation",
        read=procfs.virtualization,
        is_bad=lambda name: name != "none",
        show=lambda name: (
            "none: bare metal" if name == "none" else f"this is a virtual machine ({name})"
        ),
        advice="enough to try things out; publish results from bare metal, which nobody else"
        " shares",
    ),
    Check(
        name="CPUs",
        read=procfs.cpu_count,
        is_bad=lambda count: count < ENOUGH_CPUS,
        advice="with one CPU, client and server share it: measure from a second machine",
    ),
    # each side on another kind would compare the kinds
    Check(
        name="kinds of CPU",
        read=procfs.cpu_kinds,
        is_bad=bool,
        show=lambda kinds: (
            f"{len(kinds)}, the fastest first: {'; '.join(map(listed, kinds))}" if kinds else "one"
        ),
        advice="client and server get CPUs of one kind if it has two cores; if you name CPUs in"
        " `testbed`, name those of one kind for both",
    ),
    Check(
        name="CPU governor",
        read=lambda root: procfs.governors(root) or None,
        is_bad=lambda governors: not STEADY_GOVERNORS.issuperset(governors),
        show=", ".join,
        advice="set it for the run: cpupower frequency-set -g performance",
    ),
    # frequencies above the nominal one depend on heat and on the other cores
    Check(
        name="turbo",
        read=procfs.turbo,
        is_bad=bool,
        show=on_or_off,
        advice="switch it off for the run: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo,"
        " or echo 0 > /sys/devices/system/cpu/cpufreq/boost",
    ),
    # two CPUs of one core disturb each other
    Check(
        name="SMT",
        read=procfs.smt,
        is_bad=bool,
        show=on_or_off,
        advice="switch it off for the run: echo off > /sys/devices/system/cpu/smt/control",
    ),
    Check(
        name="idle states",
        read=lambda root: procfs.idle_states_us(root) or None,
        is_bad=lambda states_us: max(states_us.values()) > SLOW_WAKE_US,
        show=_deepest,
        advice=f"forbid the slow ones for the run: cpupower idle-set -D {SLOW_WAKE_US}",
    ),
    Check(
        name="clock source",
        read=procfs.clock_source,
        is_bad=lambda name: name not in PRECISE_CLOCKS,
        advice="choose tsc at boot (clocksource=tsc), if the kernel does not call it unstable",
    ),
    Check(
        name="energy counters",
        read=energy.packages,
        show=lambda names: ", ".join(names) or f"none in {energy.ZONES}: no energy per request",
    ),
    # they cost each technology differently, and are judged nowhere: production has them, too
    Check(name="mitigations", read=procfs.mitigations, show=_mitigations),
    Check(
        name="memory",
        read=_available_and_total_bytes,
        is_bad=lambda memory: memory[0] < LEAST_MEMORY_BYTES,
        severity=Judgement.MISSING,
        show=lambda memory: f"{memory[0] / GIB:.1f} GiB available of {memory[1] / GIB:.1f} GiB",
        advice="free some, or use a machine with more: a run needs 1 GiB",
    ),
    # given to every program, they make memory use and latency jump
    Check(
        name="transparent huge pages",
        read=procfs.transparent_huge_pages,
        is_bad=lambda choice: choice == "always",
        advice="echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    ),
    # guests share equal pages, but a thread has to scan for them
    Check(
        name="KSM",
        read=procfs.same_page_merging,
        is_bad=bool,
        show=on_or_off,
        advice="echo 0 > /sys/kernel/mm/ksm/run",
    ),
    # pages under test may have to come back from a disk
    Check(
        name="swap in use",
        read=procfs.swap_used_bytes,
        is_bad=lambda used_bytes: used_bytes > 0,
        show=lambda used_bytes: f"{used_bytes / MIB:,.0f} MiB" if used_bytes else "none",
        advice="close what takes the memory, then swapoff -a for the run",
    ),
    Check(
        name="load average",
        read=procfs.load_average,
        is_bad=lambda average: average > BUSY_LOAD,
        advice="end what else runs here, or wait until it has",
    ),
    Check(
        name="steal",
        read=_stolen_fraction,
        is_bad=lambda fraction: fraction > STOLEN_FRACTION,
        show="{:.1%} of the CPU time".format,
        advice="the hypervisor is busy with others: use a dedicated machine, or another hour",
    ),
)
"""In the order in which they are shown."""
