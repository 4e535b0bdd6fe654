# SPDX-License-Identifier: Apache-2.0
"""What technologies become on hypervisors/xen.py and hypervisors/xentcg.py.

hypervisors/_xen.py has what they share. tests/integration/xen runs xen/runner.py.
"""

import pytest

from featherbench import registry
from featherbench.xen.settings import Dom0Settings

ELSEWHERE = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="lo")


@pytest.mark.parametrize("hypervisor", ["xen", "xentcg"])
@pytest.mark.parametrize("technology", ["linux", "docker", "lxd", "rumprun", "mirageos", "floor"])
def test_every_technology_of_the_paper_runs_in_domains(technology, hypervisor):
    settings = ELSEWHERE.model_dump()
    platform = registry.platform(technology, hypervisor, hypervisor_settings=settings)
    runner = platform.runner
    assert (runner.name, runner.settings) == (hypervisor, ELSEWHERE)
    assert registry.load("hypervisors", hypervisor).virtualized
    assert registry.load("hypervisors", hypervisor).emulated == (hypervisor == "xentcg")


def test_whole_systems_on_xen_have_the_settings_of_xen():
    settings = registry.platform("linux", "xen").Settings()
    assert settings.guest.mode == "pvh"
    assert not hasattr(settings.guest, "machine")
    assert registry.image_owner("linux", "xen") == registry.image_owner("linux", "kvm")
