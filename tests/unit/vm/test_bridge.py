# SPDX-License-Identifier: Apache-2.0
"""The bridge of virtual machines and its label; each has a folder: vm/instance_dir.py."""

import pytest

from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import InstanceDiedError
from featherbench.system import iproute
from featherbench.vm import bridge

ADDRESSES = addresses_in("198.18.2.0/24")


def test_packets_for_a_guest_are_refused_when_the_bridge_is_gone():
    steps = bridge.steps(ADDRESSES, "fb-guest3", "/run/featherbench")
    assert "route replace unreachable 198.18.2.0/24 metric 65001 proto 199" in steps
    assert "route replace 198.18.2.128/25 via 198.18.2.2 dev fb-guest3 proto 199" in steps


def test_a_bridge_is_labelled(tmp_path, monkeypatch):
    for name, alias in (("fb-guest0", ""), ("fb-guest1", "featherbench /a b"), ("docker0", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ifalias").write_text(f"{alias}\n")
    monkeypatch.setattr(iproute, "INTERFACES", tmp_path)
    assert bridge.owners() == {"fb-guest1": "/a b"}
    assert bridge.of("/a b") == "fb-guest1"
    with pytest.raises(InstanceDiedError):
        bridge.of("/other")
