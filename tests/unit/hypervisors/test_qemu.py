# SPDX-License-Identifier: Apache-2.0
"""What technologies become on hypervisors/kvm.py, hypervisors/tcg.py and hypervisors/native.py.

hypervisors/_qemu.py has what they share, contracts/hypervisor.py what they implement. The runners,
vm/libvirt/runner.py and unikernels/process_runner.py, are run in tests/integration.
"""

import pytest

from featherbench import registry
from featherbench.unikernels.process_runner import ProcessRunner
from featherbench.vm.virtual_machine import VirtualMachine


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
    assert (
        registry.load("hypervisors", "tcg").platform(
            "mirageos", registry.load("technologies", "linux"), None
        )
        is None
    )


@pytest.mark.parametrize(("hypervisor", "runner"), [("kvm", "kvm"), ("native", "native")])
def test_a_users_image_runs_as_a_process(hypervisor, runner):
    driver = registry.platform("mirageos", hypervisor)
    assert isinstance(driver.runner, ProcessRunner)
    assert driver.runner.name == runner
