# SPDX-License-Identifier: Apache-2.0
"""Which platforms and load generators the doctor lists, and what each lacks."""

import pytest

from featherbench.inspection import available_drivers
from featherbench.records.plan import MissingRequirement, Plan, PlannedPlatform

PLUGIN = """
class Technology(linux.Technology):
    def missing_requirements(self):
        return MISSING
"""


@pytest.fixture
def plugin(tmp_path):
    def make(missing_requirements: str) -> str:
        folder = tmp_path / "plugin"
        (folder / "technologies").mkdir(parents=True)
        imports = (
            "from featherbench.records.requirement import MissingRequirement\n"
            "from featherbench.technologies import linux"
        )
        code = f"{imports}\nMISSING = {missing_requirements}\n" + PLUGIN
        (folder / "technologies" / "fridge.py").write_text(code)
        return str(folder)

    return make


def by_name(drivers):
    return {driver.name: driver for driver in drivers}


def test_a_plugins_technology_is_listed_with_each_hypervisor(plugin):
    drivers = by_name(available_drivers.platforms([plugin("()")]))
    assert drivers["fridge-native"].available


def test_what_a_technology_lacks_is_listed_with_the_remedy(plugin):
    missing_requirements = '(MissingRequirement(what="no ice", remedy="make some"),)'
    driver = by_name(available_drivers.platforms([plugin(missing_requirements)]))["fridge-native"]
    assert not driver.available
    assert driver.missing_requirements == (MissingRequirement(what="no ice", remedy="make some"),)


def test_what_a_plan_asks_for_without_a_driver_is_a_row():
    lack = MissingRequirement(what="no driver for xen", remedy="write one")
    asked = PlannedPlatform(
        name="osv-xen+nat",
        technology="osv",
        hypervisor="xen",
        network="nat",
        image_owner="osv",
        virtualized=True,
        missing_requirements=(lack,),
    )
    plan = Plan(
        config_file="c.yaml",
        config={},
        baseline="linux-native",
        seed=1,
        platforms=(asked,),
        workloads=(),
    )
    assert by_name(available_drivers.platforms((), plan))["osv-xen"].missing_requirements == (lack,)
