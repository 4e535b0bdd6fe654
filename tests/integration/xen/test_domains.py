# SPDX-License-Identifier: Apache-2.0
"""Linux guests as domains of a real Xen, which runs on an emulated processor."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import build_image, fetch, start_request
from featherbench import registry
from featherbench.contracts.technology import Placement
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.system.polling import wait_until
from featherbench.vm import instance_dir as folder

pytestmark = [pytest.mark.slow, pytest.mark.xen, pytest.mark.testbed, pytest.mark.timeout(1200)]
BOOTS_WITHIN_S = 600.0
"""Other tests may be using the processors."""
TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1234", "net.ipv4.ip_local_port_range": "1024 65535"},
    nofile=4321,
)


@dataclass(frozen=True, kw_only=True)
class Xen:
    """Linux in domains, on the wire."""

    technology: object
    image: object
    wire: object
    placement: Placement
    folder: Path

    def request(self, *, init="minimal", mode="pvh", command=None):
        guest = {"init": init, "mode": mode, "memory_mib": 192, "vcpus": 1}
        return start_request(
            image=self.image,
            command=command or launcher.serve_command("http"),
            settings=self.technology.Settings.model_validate({"guest": guest}),
            tuning=TUNING,
            placement=self.placement,
            folder=self.folder,
        )

    def start(self, **given):
        request = self.request(**given)
        self.technology.prepare(request)
        return self.technology.start(request)

    def await_payload(self, instance):
        return wait_until(
            lambda: fetch(self.wire, instance, within_s=5),
            what=f"the payload: {self.technology.diagnosis(instance)}",
            within_s=BOOTS_WITHIN_S,
            every_s=1,
        )


@pytest.fixture(scope="module")
def image(built_root, tmp_path_factory):
    technology = registry.platform("linux", "tcg")
    if missing_requirements := technology.missing_requirements():
        pytest.skip(missing_requirements[0].what)
    return build_image(technology, "http", tmp_path_factory.mktemp("http"), built_root)


@pytest.fixture
def xen(xen_settings, image, wire, placement, tmp_path):
    technology = registry.platform("linux", "xentcg", hypervisor_settings=xen_settings)
    assert technology.missing_requirements() == []
    return Xen(technology=technology, image=image, wire=wire, placement=placement, folder=tmp_path)


@pytest.mark.parametrize(("mode", "init"), [("pv", "minimal"), ("pvh", "systemd")])
def test_it_boots_to_the_service_and_reports_its_phases(xen, left_in_dom0, mode, init):
    instance = xen.start(mode=mode, init=init)
    assert len(xen.await_payload(instance)) == 1150
    technology = xen.technology
    assert technology.is_running(instance)
    assert technology.tuning_in_force(instance, TUNING) == {**TUNING.net_sysctls, "nofile": "4321"}
    phases_s = technology.start_phases_s(instance)
    assert list(phases_s) == ["definition", "kernel", "user_space"]
    assert all(took_s > 0 for took_s in phases_s.values())
    usage = technology.usage(instance)
    assert usage.cpu_s > 0.1
    assert usage.memory_current_bytes == 192 << 20
    technology.stop(instance)
    technology.stop(instance)
    assert not technology.is_running(instance)
    assert left_in_dom0() == set()
    assert not folder.of(instance.id).path.exists()


def test_a_service_that_cannot_start_ends_the_domain_and_is_reported(xen):
    instance = xen.start(mode="pv", command=("/no/such/program",))
    wait_until(
        lambda: not xen.technology.is_running(instance),
        what="its end",
        within_s=BOOTS_WITHIN_S,
        every_s=1,
    )
    said = xen.technology.diagnosis(instance)
    assert "the domain is shut down" in said
    assert "/no/such/program" in said
