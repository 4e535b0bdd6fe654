# SPDX-License-Identifier: Apache-2.0
"""All properties of the host, examined in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench import machine
from featherbench.doctor import activity, capabilities, memory, network, processor
from featherbench.doctor.properties import Fact, HostProperty, Surroundings

if TYPE_CHECKING:
    from typing import Any

    from featherbench.hostfacts import Finding

PROPERTIES: tuple[Fact | HostProperty[Any], ...] = (
    Fact(name="CPU", read=machine.cpu_model),
    Fact(name="microcode", read=machine.microcode),
    Fact(name="kernel", read=machine.kernel_release),
    Fact(name="operating system", read=machine.operating_system),
    activity.Virtualization(),
    processor.CpuCount(),
    processor.Governor(),
    processor.Turbo(),
    processor.Smt(),
    processor.IdleStates(),
    processor.ClockSource(),
    processor.Mitigations(),
    memory.AvailableMemory(),
    memory.HugePages(),
    memory.SamePageMerging(),
    memory.Swap(),
    activity.LoadAverage(),
    activity.Steal(),
    network.FreePorts(),
    network.Forwarding(),
    network.BridgeFiltering(),
    network.ConnectionTracking(),
    network.DockerState(),
    memory.ResultsSpace(),
    memory.DockerSpace(),
    capabilities.Root(),
    capabilities.OpenFiles(),
    capabilities.ControlGroups(),
    capabilities.Programs(),
)


def examine(where: Surroundings) -> tuple[Finding, ...]:
    """Examine the host. Takes half a second, in which the steal time is sampled."""
    return tuple(known.examine(where) for known in PROPERTIES)
