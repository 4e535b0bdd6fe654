# SPDX-License-Identifier: Apache-2.0
"""Refusals of libvirt and QEMU have remedies; one that does not answer hides no leftovers.

The latter is vm/libvirt/runner.py's."""

import pytest

from featherbench.errors import InstanceError
from featherbench.hypervisors import tcg
from featherbench.ownership import Leftover
from featherbench.system import error_hints, firewall
from featherbench.unikernels import tap
from featherbench.vm import bridge
from featherbench.vm.libvirt import domains, runner

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


@pytest.fixture
def silent_libvirt(monkeypatch):
    def silent():
        raise InstanceError("libvirt does not answer")

    rule = Leftover(kind=firewall.RULE, name="a rule", state="/mine")
    monkeypatch.setattr(runner, "_domains", silent)
    monkeypatch.setattr(bridge, "owners", lambda: {"fbbr0": "/mine"})
    monkeypatch.setattr(bridge, "stale_routes", list)
    monkeypatch.setattr(firewall, "leftovers", lambda: iter([rule]))
    monkeypatch.setattr(tap, "own", lambda: [tap.Tap("fbt1", "tcg", "abc", "/mine")])


@pytest.mark.usefixtures("silent_libvirt")
def test_other_leftovers_are_found_before_libvirts_error():
    left = iter(tcg.Hypervisor().leftovers())
    found = [next(left).kind for _ in range(3)]
    assert found == ["unikernel", "bridge", firewall.RULE]
    with pytest.raises(InstanceError, match="libvirt does not answer"):
        next(left)
