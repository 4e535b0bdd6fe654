# SPDX-License-Identifier: Apache-2.0
"""Containers in domains of a real Xen on an emulated processor: each takes seven minutes."""

import pytest

import builders
from featherbench import registry
from featherbench.records.tuning import Tuning
from featherbench.system.polling import wait_until
from featherbench.vm import instance_dir

pytestmark = [
    *(pytest.mark.xen, pytest.mark.testbed, pytest.mark.benchmark),
    pytest.mark.timeout(2400),
]
ANSWERS_WITHIN_S = 300.0
MEMORY_MIB = 1200
TUNING = Tuning(net_sysctls={}, nofile=4321)


@pytest.fixture(params=["docker", "lxd"])
def technology(request, xen_settings):
    given = registry.platform(request.param, "xentcg", hypervisor_settings=xen_settings)
    if missing_requirements := given.missing_requirements():
        pytest.skip(missing_requirements[0].what)
    return given


@pytest.fixture
def start_request(technology, built_root, placement, tmp_path):
    image = builders.build_image(technology, "http", tmp_path / "http", built_root)
    settings = {"guest": {"memory_mib": MEMORY_MIB, "vcpus": 1}}
    return builders.start_request(
        image=image,
        network="nat",
        settings=technology.Settings.model_validate(settings),
        tuning=TUNING,
        placement=placement,
        folder=tmp_path,
    )


def test_a_container_in_a_domain_serves_the_client(technology, start_request, wire, left_in_dom0):
    technology.prepare(start_request)
    instance = technology.start(start_request)
    said = wait_until(
        lambda: builders.fetch(wire, instance, within_s=5),
        what=f"the payload: {technology.diagnosis(instance)}",
        within_s=ANSWERS_WITHIN_S,
        every_s=1,
    )
    assert len(said) == 1150
    assert technology.is_running(instance)
    assert technology.tuning_in_force(instance, TUNING)["nofile"] == "4321"
    usage = technology.usage(instance)
    assert 0 < usage.memory_current_bytes < usage.guest_used_bytes < MEMORY_MIB << 20
    assert usage.hypervisor_bytes == MEMORY_MIB << 20
    technology.stop(instance)
    assert not technology.is_running(instance)
    assert left_in_dom0() == set()
    assert not instance_dir.of(instance.id).path.exists()
