# SPDX-License-Identifier: Apache-2.0
"""All checks of the machine, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.inspection import capabilities, load, memory, network, processor
from featherbench.inspection.check import Check, CheckContext, below_root
from featherbench.system import procfs

if TYPE_CHECKING:
    from typing import Any

    from featherbench.records.machine import CheckResult

CHECKS: tuple[Check[Any], ...] = (
    processor.MODEL,
    processor.MICROCODE,
    Check(name="kernel", read=below_root(procfs.kernel_release)),
    Check(name="operating system", read=below_root(procfs.operating_system)),
    load.VIRTUALIZATION,
    processor.CPU_COUNT,
    processor.GOVERNOR,
    processor.TURBO,
    processor.SMT,
    processor.IDLE_STATES,
    processor.CLOCK_SOURCE,
    processor.MITIGATIONS,
    memory.AVAILABLE_MEMORY,
    memory.HUGE_PAGES,
    memory.SAME_PAGE_MERGING,
    memory.SWAP,
    load.LOAD_AVERAGE,
    load.STEAL,
    network.FREE_PORTS,
    network.FORWARDING,
    network.BRIDGE_FILTERING,
    network.CONNECTION_TRACKING,
    network.DOCKER_STATE,
    memory.RESULTS_SPACE,
    memory.DOCKER_SPACE,
    capabilities.ROOT,
    capabilities.OPEN_FILES,
    capabilities.CONTROL_GROUPS,
    capabilities.PROGRAMS,
)


def check_machine(context: CheckContext) -> tuple[CheckResult, ...]:
    """Run all checks. Takes half a second, in which the steal time is sampled."""
    return tuple(check.run(context) for check in CHECKS)
