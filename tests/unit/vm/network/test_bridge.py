# SPDX-License-Identifier: Apache-2.0
"""The addresses of guests, and whose the bridge is."""

import pytest

from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import InstanceDiedError
from featherbench.records.tuning import Tuning
from featherbench.system import iproute
from featherbench.vm.boot import seed
from featherbench.vm.network import bridge

ADDRESSES = addresses_in("198.18.2.0/24")


def test_the_subnet_is_shared_between_bridge_and_containers():
    assert (ADDRESSES.gateway, ADDRESSES.guest) == ("198.18.2.1", "198.18.2.2")
    assert str(ADDRESSES.bridged) == "198.18.2.0/25"
    assert str(ADDRESSES.containers) == "198.18.2.128/25"


def test_nothing_for_a_guest_strays_when_the_bridge_is_gone():
    steps = bridge.steps(ADDRESSES, "fb-guest3", "/run/featherbench")
    assert "route replace unreachable 198.18.2.0/24 metric 65001 proto 199" in steps
    assert "route replace 198.18.2.128/25 via 198.18.2.2 dev fb-guest3 proto 199" in steps


def test_a_bridge_says_whose_it_is(tmp_path, monkeypatch):
    for name, alias in (("fb-guest0", ""), ("fb-guest1", "featherbench /a b"), ("docker0", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ifalias").write_text(f"{alias}\n")
    monkeypatch.setattr(iproute, "INTERFACES", tmp_path)
    assert bridge.owners() == {"fb-guest1": "/a b"}
    assert bridge.of("/a b") == "fb-guest1"
    with pytest.raises(InstanceDiedError):
        bridge.of("/other")


def test_the_guest_has_a_way_to_the_testbed_alone():
    steps = seed.network(ADDRESSES).splitlines()
    assert "address add 198.18.2.2/25 dev eth0" in steps
    assert "route add 198.18.0.0/15 via 198.18.2.1" in steps
    assert not any("default" in step for step in steps)


def test_sysctls_are_named_by_their_files():
    tuning = Tuning(net_sysctls={"net.ipv4.ip_local_port_range": "1024 65535"}, nofile=None)
    assert seed.sysctls(tuning) == "net/ipv4/ip_local_port_range=1024 65535\n"


def test_the_shell_in_the_guest_gets_the_words_as_they_are():
    told = seed.service(("serve", "{address}", "a b", "$x;y"), address="198.18.2.2", nofile=5)
    assert told == "nofile=5\nset -- serve 198.18.2.2 'a b' '$x;y'\n"
    assert seed.service(("a",), address="", nofile=None).startswith("nofile=\n")


def test_the_seed_is_a_whole_number_of_sectors():
    assert len(seed.archive({"network": "x\n"})) % 512 == 0
