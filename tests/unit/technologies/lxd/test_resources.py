# SPDX-License-Identifier: Apache-2.0
"""The network, its addresses, the pools, and the comparison with those that there are."""

from types import SimpleNamespace

import pytest

from featherbench.errors import InstanceError
from featherbench.technologies.lxd import images, resources

STATE = "/run/featherbench"
SUBNET = "198.18.1.32/27"
NAME = "featherbench-abc"


def test_lxds_description_of_the_network_and_the_pool_matches(captured):
    expected = resources.network_description(SUBNET, STATE)
    actual = captured("network.json")
    assert resources.matches(actual, expected)
    assert resources.matches(captured("pool.json"), images.pool_description("dir", STATE))
    actual["project"] = "default"  # as Incus has it, and this:
    actual["config"] |= {"volatile.network.ipv4.address": "198.18.1.33/27"}
    assert resources.matches(actual, expected)


@pytest.mark.parametrize(
    ("subnet", "state"), [("198.18.1.64/27", STATE), (SUBNET, "/another/testbed")]
)
def test_another_network_does_not_match(captured, subnet, state):
    assert not resources.matches(
        captured("network.json"), resources.network_description(subnet, state)
    )


def test_the_first_address_without_a_lease_is_free_and_without_any_it_is_an_error(captured):
    assert resources.first_free(SUBNET, captured("leases.json")) == "198.18.1.35"
    assert resources.first_free(SUBNET, captured("leases.json")[:1]) == "198.18.1.34"
    with pytest.raises(InstanceError, match=r"198\.18\.1\.0/30"):
        resources.first_free("198.18.1.0/30", [{"address": "198.18.1.2"}])


@pytest.mark.parametrize(
    ("firewall", "iptables", "leaves"),
    [
        ("xtables", "iptables v1.8.9 (nf_tables)", True),
        ("xtables", "iptables v1.8.9 (legacy)", False),
        ("nftables", "iptables v1.8.9 (nf_tables)", False),
    ],
)
def test_an_lxd_that_would_leave_its_rules_behind_is_recognized(
    captured, firewall, iptables, leaves
):
    environment = captured("server.json")["environment"] | {"firewall": firewall}
    assert resources.leaves_rules(environment, iptables) is leaves


def test_only_marked_resources_are_leftovers(captured, scripted_api):
    users = {"name": "lxdbr0", "config": {"ipv4.nat": "true"}}
    answers = {
        "instances": captured("instances.json"),
        "networks": [captured("network.json"), users],
        "storage-pools": [captured("pool.json")],
    }
    leftovers = list(resources.leftovers(SimpleNamespace(api=scripted_api(answers))))
    assert [(leftover.kind, leftover.name) for leftover in leftovers] == [
        ("container", NAME),
        ("network", "fb-lxd0"),
        ("storage pool", "featherbench-dir"),
    ]
    assert {leftover.state for leftover in leftovers} == {STATE}


def test_the_files_of_a_container_are_where_the_pool_says(captured):
    pool = captured("pool.json")
    pool["config"]["source"] = "/var/lib/incus/storage-pools/featherbench-dir"  # not /run/incus
    answer = SimpleNamespace(json=lambda: {"metadata": pool})
    api = {"storage-pools": {"featherbench-dir": SimpleNamespace(get=lambda: answer)}}
    folder = images.folder_of(SimpleNamespace(api=api), "x")
    assert str(folder) == "/var/lib/incus/storage-pools/featherbench-dir/containers/x/rootfs"
