# SPDX-License-Identifier: Apache-2.0
"""Refusals of libvirt and QEMU have remedies."""

import pytest

from featherbench.errors import InstanceError
from featherbench.system import error_hints
from featherbench.vm.libvirt import domains

O_DIRECT = (
    "internal error: process exited while connecting to monitor: qemu-system-x86_64: -blockdev"
    ' {"driver":"file"}: Could not open disk.qcow2: file system may not support O_DIRECT'
)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (O_DIRECT, "guest.disk_cache"),
        ("cannot set up guest memory 'pc.ram': Cannot allocate memory", "guest.memory_mib"),
        ("unsupported configuration: Emulator does not support machine type", "domcapabilities"),
        ("Could not open 'seed.img': Permission denied", "AppArmor"),
        ("something else", ""),
    ],
)
def test_a_refusal_has_a_remedy(said, remedy):
    error = error_hints.refusal(
        "start of the guest x", said, InstanceError, program="libvirt", hints=domains.HINTS
    )
    assert isinstance(error, InstanceError)
    assert "start of the guest x" in error.message
    assert said in error.message
    assert remedy in error.remedy


def test_versions_are_formatted():
    assert domains._version(9_000_000) == "9.0.0"
    assert domains._version(7_002_022) == "7.2.22"
