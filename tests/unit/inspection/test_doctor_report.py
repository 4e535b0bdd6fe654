# SPDX-License-Identifier: Apache-2.0
"""Which platforms the doctor lists, and whether the baseline can run; tables for a terminal."""

import pytest

from builders import doctor_report, plan, planned_platform
from featherbench.inspection.doctor_report import COLUMNS, DriverAvailability, platforms, render
from featherbench.records.machine import Judgement
from featherbench.records.requirement import MissingRequirement


def test_another_platforms_lack_does_not_keep_the_baseline_from_running():
    assert doctor_report().can_run
    assert doctor_report(judgement=Judgement.NOISY).can_run


def test_the_baseline_cannot_run_without_what_it_or_any_run_needs():
    assert not doctor_report(
        missing_requirements=(MissingRequirement(what="x", remedy="y"),)
    ).can_run
    assert not doctor_report(judgement=Judgement.MISSING).can_run


def test_the_table_is_narrow_and_plain_unless_asked_for_colour():
    text = render(doctor_report(judgement=Judgement.NOISY), colour=False)
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert "\033" not in text
    assert "\033[33mnoisy\033[0m" in render(doctor_report(judgement=Judgement.NOISY), colour=True)


def test_status_names_and_values_are_aligned():
    lines = render(doctor_report(), colour=False).splitlines()
    rows = lines[1:3]
    assert rows[0].startswith("  available  linux-native")
    assert rows[1].startswith("  missing    osv-kvm     ")
    assert "none" in lines[lines.index("Load generators") + 1]


def test_what_is_missing_again_is_spelt_out_once():
    missing_requirements = (MissingRequirement(what="no Xen", remedy="boot it"),)
    rows = tuple(
        DriverAvailability(name=name, missing_requirements=missing_requirements)
        for name in ("linux-xen", "docker-xen")
    )
    text = render(doctor_report().model_copy(update={"platforms": rows}), colour=False)
    assert text.count("no Xen") == 1
    assert "missing    docker-xen  as linux-xen" in text


PLUGIN = """
from featherbench.records.requirement import MissingRequirement
from featherbench.technologies import linux
class Technology(linux.Technology):
    def missing_requirements(self):
        return {}
"""
NO_ICE = MissingRequirement(what="no ice", remedy="make some")


def by_name(drivers):
    return {driver.name: driver for driver in drivers}


@pytest.mark.parametrize("lacking", [(), (NO_ICE,)], ids=["nothing", "ice"])
def test_a_plugins_technology_is_listed_with_what_it_lacks(tmp_path, lacking):
    (tmp_path / "technologies").mkdir()
    (tmp_path / "technologies/fridge.py").write_text(PLUGIN.format(lacking))
    driver = by_name(platforms([str(tmp_path)]))["fridge-native"]
    assert driver.available == (not lacking)
    assert driver.missing_requirements == lacking


def test_what_a_plan_asks_for_without_a_driver_is_a_row():
    lack = MissingRequirement(what="no driver for xen", remedy="write one")
    asked = planned_platform("osv-xen+nat", virtualized=True, missing_requirements=(lack,))
    drivers = by_name(platforms((), plan(platforms=(asked,))))
    assert drivers["osv-xen"].missing_requirements == (lack,)
