# SPDX-License-Identifier: Apache-2.0
"""Checks of the CPUs: what makes the same work take a different time."""

from __future__ import annotations

from featherbench.inspection.check import Check, below_root, on_or_off
from featherbench.system import procfs

STEADY_GOVERNORS = {"performance"}
PRECISE_CLOCKS = {"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}
"""Those that a program reads without entering the kernel."""

SLOW_WAKE_US = 50
"""About half a ping round trip: an idle state that takes longer to leave shows in the latency."""

ENOUGH_CPUS = 2


def _deepest(states_us: dict[str, int]) -> str:
    name = max(states_us, key=lambda state: states_us[state])
    return f"{name} at most, {states_us[name]} µs to wake up"


def _mitigations(states: dict[str, str]) -> str:
    vulnerable = sum(state.startswith("Vulnerable") for state in states.values())
    return f"{len(states) - vulnerable} in force, {vulnerable} left open"


MODEL = Check(name="CPU", read=below_root(procfs.cpu_model))
MICROCODE = Check(name="microcode", read=below_root(procfs.microcode))
CPU_COUNT = Check(
    name="CPUs",
    read=below_root(procfs.cpu_count),
    is_bad=lambda count: count < ENOUGH_CPUS,
    advice="with one CPU, client and server share it: measure from a second machine",
)
GOVERNOR = Check(
    name="CPU governor",
    read=lambda context: procfs.governors(context.root) or None,
    is_bad=lambda governors: not STEADY_GOVERNORS.issuperset(governors),
    show=", ".join,
    advice="set it for the run: cpupower frequency-set -g performance",
)
# frequencies above the nominal one depend on heat and on the other cores
TURBO = Check(
    name="turbo",
    read=below_root(procfs.turbo),
    is_bad=bool,
    show=on_or_off,
    advice="switch it off for the run: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, or"
    " echo 0 > /sys/devices/system/cpu/cpufreq/boost",
)
# two CPUs of one core disturb each other
SMT = Check(
    name="SMT",
    read=below_root(procfs.smt),
    is_bad=bool,
    show=on_or_off,
    advice="switch it off for the run: echo off > /sys/devices/system/cpu/smt/control",
)
IDLE_STATES = Check(
    name="idle states",
    read=lambda context: procfs.idle_states_us(context.root) or None,
    is_bad=lambda states_us: max(states_us.values()) > SLOW_WAKE_US,
    show=_deepest,
    advice=f"forbid the slow ones for the run: cpupower idle-set -D {SLOW_WAKE_US}",
)
CLOCK_SOURCE = Check(
    name="clock source",
    read=below_root(procfs.clock_source),
    is_bad=lambda name: name not in PRECISE_CLOCKS,
    advice="choose tsc at boot (clocksource=tsc), if the kernel does not call it unstable",
)
# They cost each technology differently, and are judged nowhere: a production machine has them, too.
MITIGATIONS = Check(name="mitigations", read=below_root(procfs.mitigations), show=_mitigations)
