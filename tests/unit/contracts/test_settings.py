# SPDX-License-Identifier: Apache-2.0

from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.workload import Workload


class Settings(DriverSettings):
    size: int = 1


class WithSettings(Workload[Settings]):
    services = ("http",)


class Derived(WithSettings):
    pass


class WithoutSettings(Workload):
    services = ("http",)


def test_a_drivers_class_of_settings_is_the_parameter_of_its_base_class():
    assert WithSettings.Settings is Settings
    assert Derived.Settings is Settings


def test_a_driver_without_settings_has_no_keys():
    assert WithoutSettings.Settings is DriverSettings
    assert DriverSettings.model_fields == {}
