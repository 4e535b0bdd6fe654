# SPDX-License-Identifier: Apache-2.0
"""A silent libvirt hides no leftovers from `vm/libvirt/runner.py`; versions are formatted."""

import pytest

from featherbench.errors import InstanceError
from featherbench.hypervisors import tcg
from featherbench.ownership import Leftover
from featherbench.system import firewall
from featherbench.unikernels import tap
from featherbench.vm import bridge
from featherbench.vm.libvirt import domains, runner


def test_versions_are_formatted():
    assert domains._version(9_000_000) == "9.0.0"
    assert domains._version(7_002_022) == "7.2.22"


def test_other_leftovers_are_found_before_libvirts_error(monkeypatch):
    def silent(_accelerator):
        raise InstanceError("libvirt does not answer")

    rule = Leftover(kind=firewall.RULE, name="a rule", state="/mine")
    monkeypatch.setattr(runner, "_guests_of", silent)
    monkeypatch.setattr(bridge, "owners", lambda: {"fbbr0": "/mine"})
    monkeypatch.setattr(bridge, "stale_routes", list)
    monkeypatch.setattr(firewall, "leftovers", lambda: iter([rule]))
    monkeypatch.setattr(tap, "own", lambda: [tap.Tap("fbt1", "tcg", "abc", "/mine")])
    left = iter(tcg.Hypervisor().leftovers())
    found = [next(left).kind for _ in range(3)]
    assert found == ["unikernel", "bridge", firewall.RULE]
    with pytest.raises(InstanceError, match="libvirt does not answer"):
        next(left)
