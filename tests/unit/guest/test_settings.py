# SPDX-License-Identifier: Apache-2.0
"""What a user may set of guests."""

import pytest
from pydantic import ValidationError

from featherbench import plugins
from featherbench.guest.settings import QemuSettings
from featherbench.guest.whole_system import WholeSystem


def test_a_microvm_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="libvirt cannot define a microvm"):
        QemuSettings(machine="microvm")


def test_defaults():
    settings = plugins.platform("linux", "tcg").Settings().guest
    assert (settings.memory_mib, settings.vcpus, settings.machine) == (1024, "auto", "q35")
    assert settings.init == "systemd"


@pytest.mark.parametrize("host", ["kvm", "tcg"])
def test_linux_in_a_guest_is_the_guest(host):
    driver = plugins.platform("linux", host)
    assert isinstance(driver, WholeSystem)
    assert driver.hypervisor.name == host
    assert plugins.image_owner("linux", host) == "linux-guest"
    assert plugins.host(host).virtualized
