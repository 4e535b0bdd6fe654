# SPDX-License-Identifier: Apache-2.0
"""What a user may set of guests."""

import pytest
from pydantic import ValidationError

from featherbench import registry
from featherbench.vm.settings import QemuSettings
from featherbench.vm.virtual_machine import VirtualMachine


def test_a_microvm_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="libvirt cannot define a microvm"):
        QemuSettings(machine="microvm")


def test_defaults():
    settings = registry.platform("linux", "tcg").Settings().guest
    assert (settings.memory_mib, settings.vcpus, settings.machine) == (1024, "auto", "q35")
    assert settings.init == "systemd"


@pytest.mark.parametrize("hypervisor", ["kvm", "tcg"])
def test_linux_in_a_guest_is_the_guest(hypervisor):
    driver = registry.platform("linux", hypervisor)
    assert isinstance(driver, VirtualMachine)
    assert driver.runner.name == hypervisor
    assert registry.image_owner("linux", hypervisor) == "linux-guest"
    assert registry.load("hypervisors", hypervisor).virtualized
