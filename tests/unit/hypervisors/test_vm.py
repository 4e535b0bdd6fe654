# SPDX-License-Identifier: Apache-2.0
"""What technologies become on each hypervisor.

That is hypervisors/kvm.py, hypervisors/tcg.py, hypervisors/native.py, hypervisors/xen.py or
hypervisors/xentcg.py. hypervisors/_vm.py has what they share, contracts/hypervisor.py what they
implement. The runners are run in tests/integration: vm/libvirt/runner.py,
unikernels/process_runner.py, xen/runner.py.
"""

import pytest

from featherbench import registry
from featherbench.unikernels.process_runner import ProcessRunner
from featherbench.vm.virtual_machine import VirtualMachine
from featherbench.xen.settings import Dom0Settings

ELSEWHERE = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="lo")


@pytest.mark.parametrize("hypervisor", ["kvm", "tcg"])
def test_linux_in_a_virtual_machine_is_the_virtual_machine(hypervisor):
    driver = registry.platform("linux", hypervisor)
    assert isinstance(driver, VirtualMachine)
    assert driver.runner.name == hypervisor
    assert registry.image_owner("linux", hypervisor) == "linux-guest"
    assert registry.load("hypervisors", hypervisor).virtualized


def test_only_what_may_be_a_process_runs_without_a_hypervisor():
    assert registry.platform("mirageos", "native") is not None
    assert registry.platform("rumprun", "native") is None


def test_a_technology_without_an_engine_cannot_run_in_a_guest():
    tcg, linux = registry.load("hypervisors", "tcg"), registry.load("technologies", "linux")
    assert tcg.platform("mirageos", linux, None) is None


@pytest.mark.parametrize(("hypervisor", "runner"), [("kvm", "kvm"), ("native", "native")])
def test_a_users_image_runs_as_a_process(hypervisor, runner):
    driver = registry.platform("mirageos", hypervisor)
    assert isinstance(driver.runner, ProcessRunner)
    assert driver.runner.name == runner


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
