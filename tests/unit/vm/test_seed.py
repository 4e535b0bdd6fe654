# SPDX-License-Identifier: Apache-2.0
"""What a guest is given for one start."""

from featherbench.contracts.vm_runner import addresses_in
from featherbench.records.tuning import Tuning
from featherbench.vm import seed

ADDRESSES = addresses_in("198.18.2.0/24")


def test_the_guest_has_a_route_to_the_testbed_only():
    steps = seed.network(ADDRESSES).splitlines()
    assert "address add 198.18.2.2/25 dev eth0" in steps
    assert "route add 198.18.0.0/15 via 198.18.2.1" in steps
    assert not any("default" in step for step in steps)


def test_sysctls_are_named_by_their_files():
    tuning = Tuning(net_sysctls={"net.ipv4.ip_local_port_range": "1024 65535"}, nofile=None)
    assert seed.sysctls(tuning) == "net/ipv4/ip_local_port_range=1024 65535\n"


def test_the_shell_in_the_guest_gets_the_literal_words():
    told = seed.service(("serve", "{address}", "a b", "$x;y"), address="198.18.2.2", nofile=5)
    assert told == "nofile=5\nset -- serve 198.18.2.2 'a b' '$x;y'\n"
    assert seed.service(("a",), address="", nofile=None).startswith("nofile=\n")


def test_the_seed_consists_of_whole_sectors():
    assert len(seed.archive({"network": "x\n"})) % 512 == 0
