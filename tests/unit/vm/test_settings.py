# SPDX-License-Identifier: Apache-2.0
"""What a user may set of virtual machines (vm/virtual_machine.py)."""

import pytest
from pydantic import ValidationError

from featherbench import registry
from featherbench.vm.libvirt.domain_xml import QemuSettings


def test_a_microvm_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="libvirt cannot define a microvm"):
        QemuSettings(machine="microvm")


def test_defaults():
    settings = registry.platform("linux", "tcg").Settings().guest
    assert (settings.memory_mib, settings.vcpus, settings.machine) == (1024, "auto", "q35")
    assert settings.init == "systemd"
