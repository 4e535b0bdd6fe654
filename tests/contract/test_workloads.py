# SPDX-License-Identifier: Apache-2.0
"""What every workload must do, the package's and a user's."""

import pytest
from pydantic import ValidationError

from builders import planned_platform
from featherbench import registry
from featherbench.contracts.settings import DriverSettings

PLUGINS = ("tests/plugins", "examples/my_drivers")
NAMES = sorted(registry.driver_files("workloads", PLUGINS))


@pytest.fixture(params=NAMES)
def workload(request):
    return registry.load("workloads", request.param, PLUGINS)


def test_its_settings_have_defaults_and_descriptions_and_no_unknown_key(workload):
    assert isinstance(workload.Settings(), DriverSettings)
    fields = workload.Settings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []
    with pytest.raises(ValidationError):
        workload.Settings(no_such_key=1)


def test_each_of_its_services_has_a_workload_of_that_name(workload):
    assert workload.services
    assert set(workload.services) <= set(NAMES)
    assert set(workload.loads) <= set(workload.services)
    assert set(workload.services_for(workload.Settings())) <= set(workload.services)


def test_a_leased_instance_is_of_a_single_service_and_only_workloads_with_one_are_swept(workload):
    assert not workload.uses_lease or len(workload.services_for(workload.Settings())) == 1
    assert workload.uses_lease or not workload.sweeps


def test_its_files_are_absolute_and_always_the_same(workload):
    files = workload.files(workload.Settings())
    assert all(path.startswith("/") for path in files)
    assert all(isinstance(content, bytes) for content in files.values())
    assert files == workload.files(workload.Settings())


def test_more_windows_take_no_less_time(workload):
    settings, platform = workload.Settings(), planned_platform()
    few_s = workload.nominal_duration_s(settings, 1, platform)
    assert 0 < few_s <= workload.nominal_duration_s(settings, 10, platform)
