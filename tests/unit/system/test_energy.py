# SPDX-License-Identifier: Apache-2.0
"""Energy: which of powercap's zones count, and counters that begin again at 0."""

import pytest

from builders import TreeMachine, write_tree
from featherbench.system import energy
from featherbench.system.energy import ZONES, Counter

RANGE_UJ = 262_143_328_850
ZONES_OF_A_MACHINE = {
    "intel-rapl:0": ("package-0", 1_000_000),
    "intel-rapl:0:0": ("core", 900_000),
    "intel-rapl:1": ("package-1", RANGE_UJ - 999_999),
    "intel-rapl:2": ("psys", 5_000_000),
    "intel-rapl-mmio:0": ("package-0", 1_000_000),
}


@pytest.fixture
def machine(tmp_path):
    for zone, (name, energy_uj) in ZONES_OF_A_MACHINE.items():
        files = {"name": name, "energy_uj": energy_uj, "max_energy_range_uj": RANGE_UJ}
        lines = {file: f"{value}\n" for file, value in files.items()}
        write_tree(tmp_path / ZONES.relative_to("/") / zone, **lines)
    return TreeMachine(root=tmp_path)


def test_packages_count_and_neither_their_parts_nor_what_repeats_them(machine):
    assert energy.read(machine) == {
        ZONES / "intel-rapl:0": Counter(1_000_000, RANGE_UJ),
        ZONES / "intel-rapl:1": Counter(RANGE_UJ - 999_999, RANGE_UJ),
    }
    assert energy.packages(machine.root) == ["package-0", "package-1"]


def test_a_counter_that_began_again_has_not_run_backwards(machine):
    before = energy.read(machine)
    for zone, energy_uj in (("intel-rapl:0", 3_500_000), ("intel-rapl:1", 500_000)):
        write_tree(machine.root / ZONES.relative_to("/") / zone, energy_uj=str(energy_uj))
    assert energy.spent_j(before, energy.read(machine)) == pytest.approx(2.5 + 1.5)


def test_without_counters_nothing_is_known_and_nobody_waits(tmp_path):
    machine = TreeMachine(root=tmp_path)
    assert energy.read(machine) == {}
    assert energy.idle_power_w(machine) is None


def test_the_power_of_an_idle_machine_is_energy_by_time(machine, monkeypatch):
    monkeypatch.setattr(energy, "IDLE_S", 0.1)
    readings = iter(
        [
            energy.read(machine),
            {
                zone: c._replace(energy_uj=c.energy_uj + 500_000)
                for zone, c in energy.read(machine).items()
            },
        ]
    )
    monkeypatch.setattr(energy, "read", lambda _: next(readings))
    assert 1 < energy.idle_power_w(machine) <= 10
