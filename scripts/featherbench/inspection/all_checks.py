# SPDX-License-Identifier: Apache-2.0
"""All properties of the host, examined in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.inspection import capabilities, load, memory, network, processor
from featherbench.inspection.check import Fact, MachineProperty, Surroundings
from featherbench.system import procfs

if TYPE_CHECKING:
    from typing import Any

    from featherbench.records.machine import Finding

PROPERTIES: tuple[Fact | MachineProperty[Any], ...] = (
    Fact(name="CPU", read=procfs.cpu_model),
    Fact(name="microcode", read=procfs.microcode),
    Fact(name="kernel", read=procfs.kernel_release),
    Fact(name="operating system", read=procfs.operating_system),
    load.Virtualization(),
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
    load.LoadAverage(),
    load.Steal(),
    network.FreePorts(),
    network.Forwarding(),
    network.BridgeFiltering(),
    network.ConnectionTracking(),
    network.DockerState(),
    memory.ResultsSpace(),
    memory.DockerSpace(),
    capabilities.RootArchive(),
    capabilities.OpenFiles(),
    capabilities.ControlGroups(),
    capabilities.Programs(),
)


def examine(where: Surroundings) -> tuple[Finding, ...]:
    """Examine the host. Takes half a second, in which the steal time is sampled."""
    return tuple(known.examine(where) for known in PROPERTIES)
