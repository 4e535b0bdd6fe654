# SPDX-License-Identifier: Apache-2.0
"""A libvirt that does not answer does not hide other leftovers."""

import pytest

from featherbench.errors import InstanceError
from featherbench.hypervisors import tcg
from featherbench.ownership import Leftover
from featherbench.system import firewall
from featherbench.unikernels import tap
from featherbench.vm import bridge
from featherbench.vm.libvirt import runner


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
