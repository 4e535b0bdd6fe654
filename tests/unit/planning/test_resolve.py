# SPDX-License-Identifier: Apache-2.0
"""Names in the configuration become drivers and checked settings; a mistake is one message."""

import pytest

from featherbench.errors import ConfigError
from featherbench.registry import load

NAMES = ["linux-native", "docker-native"]


def test_a_platform_has_its_driver_settings_and_default_network(resolved):
    docker = resolved(NAMES).platforms["docker-native"]
    assert docker.spec.network == load("technologies", "docker").networks[0]
    assert docker.spec.settings == docker.settings.model_dump(mode="json")
    assert (docker.image_owner, docker.virtualized, docker.emulated) == ("docker", False, False)
    assert docker.available_images is None
    assert docker.build_inputs("http") == {}


def test_each_network_of_a_platform_is_a_platform_of_its_own(resolved):
    docker = {"name": "docker-native", "network": ["bridge", "host"]}
    platforms = resolved(["linux-native", docker]).platforms
    assert list(platforms) == ["linux-native", "docker-native+bridge", "docker-native+host"]
    assert platforms["docker-native+host"].spec.network == "host"


def test_what_no_driver_runs_keeps_its_settings_unchecked(resolved):
    platform = {"name": "osv-native", "settings": {"x": 1}}
    osv = resolved(["linux-native", platform]).platforms["osv-native"]
    assert (osv.driver, osv.settings, osv.spec.settings) == (None, None, {"x": 1})
    assert osv.spec.network == "nat"


def test_the_load_generator_of_a_service_holds_for_every_workload_that_loads_it(
    resolved, monkeypatch
):
    weighttp = type(load("loadgens", "weighttp"))
    monkeypatch.setattr(weighttp, "missing_requirements", lambda _: ())
    workloads = {"http": {"load_generator": "weighttp"}, "memory": None}
    memory = resolved(NAMES, workloads=workloads).workloads["memory"]
    assert memory.spec.load_generators["http"] == "weighttp"
    assert memory.spec.load_generators["kv"] == "featherbench"


def services(config):
    (platform,) = config.platforms.values()
    return {name: platform.services_for(workload) for name, workload in config.workloads.items()}


def test_images_built_here_have_all_services(resolved):
    config = resolved(["linux-native"])
    assert services(config) == {
        name: workload.driver.services for name, workload in config.workloads.items()
    }


def test_a_mistake_in_the_description_of_an_image_is_one_of_the_configuration(unikernel, kernel):
    with pytest.raises(ConfigError, match="memory_mib"):
        services(unikernel("mirageos-tcg", http={**kernel, "memory_mib": "much"}))
