# SPDX-License-Identifier: Apache-2.0
"""Energy that processors have used: RAPL's counters, as the kernel's powercap shows them.

See Documentation/power/powercap in Linux. AMD's processors have them under the same names.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from featherbench.system import procfs
from featherbench.system.machine import Machine
from featherbench.system.polling import wait_until

ZONES = Path("/sys/class/powercap")
MOST_PACKAGES = 16
PACKAGE = "package-"
IDLE_S = 1.0


class Counter(NamedTuple):
    """The counter of a package; it goes on from 0 after `most_uj`."""

    energy_uj: int
    most_uj: int


def read(machine: Machine) -> Mapping[Path, Counter]:
    """Return the counters of a machine's processor packages; none if it does not show them.

    Other zones are left out: `psys` contains the packages, `intel-rapl-mmio` repeats them, and
    zones below a package (core, uncore) are parts of it.
    """
    zones = [ZONES / f"intel-rapl:{number}" for number in range(MOST_PACKAGES)]
    files = ("name", "energy_uj", "max_energy_range_uj")
    texts = machine.read([zone / file for zone in zones for file in files])
    return {
        zone: Counter(int(texts[zone / "energy_uj"]), int(texts[zone / "max_energy_range_uj"]))
        for zone in zones
        if texts.get(zone / "name", "").startswith(PACKAGE) and zone / "energy_uj" in texts
    }


def spent_j(before: Mapping[Path, Counter], after: Mapping[Path, Counter]) -> float:
    """Return what all packages used between two readings, of which each counter wrapped once."""
    spent_uj = (
        (after[zone].energy_uj - energy_uj) % (most_uj + 1)
        for zone, (energy_uj, most_uj) in before.items()
    )
    return sum(spent_uj) / 1e6


def idle_power_w(machine: Machine) -> float | None:
    """Measure the power of the machine for IDLE_S, in which the caller loads nothing."""
    before, began_s = read(machine), time.monotonic()
    if not before:
        return None
    wait_until(lambda: time.monotonic() >= began_s + IDLE_S, what="idle power", within_s=2 * IDLE_S)
    return spent_j(before, read(machine)) / (time.monotonic() - began_s)


def packages(root: Path) -> list[str]:
    """Return the names of the packages that have counters below a root."""
    names = procfs.texts(root, f"{ZONES.relative_to('/')}/intel-rapl:*/name").values()
    return sorted(name for name in names if name.startswith(PACKAGE))
