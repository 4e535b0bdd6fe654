# SPDX-License-Identifier: Apache-2.0
"""The addresses of virtual machines."""

from featherbench.contracts.vm_runner import addresses_in, mac_of

ADDRESSES = addresses_in("198.18.2.0/24")


def test_the_subnet_is_shared_between_bridge_and_containers():
    assert (ADDRESSES.gateway, ADDRESSES.guest) == ("198.18.2.1", "198.18.2.2")
    assert str(ADDRESSES.bridged) == "198.18.2.0/25"
    assert str(ADDRESSES.containers) == "198.18.2.128/25"


def test_each_instance_has_its_own_mac_address():
    assert mac_of("a") == mac_of("a") != mac_of("b")
    assert len(mac_of("a")) == 17
