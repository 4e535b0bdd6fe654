# SPDX-License-Identifier: Apache-2.0

from ipaddress import IPv4Interface, IPv4Network

from featherbench.testbed.network import TestbedLink, users_of

ADDRESSES = {
    "lo": [IPv4Interface("127.0.0.1/8")],
    "docker0": [IPv4Interface("198.18.254.1/24")],
    "fb-server0": [IPv4Interface("198.18.0.1/24")],
    "down0": [],
}
# `ip -json -4 route show`, shortened to what is read
ROUTES = [
    {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
    {"dst": "198.18.254.0/24", "dev": "docker0", "protocol": "kernel"},
    {"dst": "198.18.0.0/24", "dev": "fb-server0", "protocol": "kernel"},
    {"type": "unreachable", "dst": "198.18.0.0/15", "protocol": "198"},
]
VPN = {"dst": "198.18.0.0/16", "dev": "tun0"}


def users(subnet, addresses=ADDRESSES, routes=ROUTES):
    return users_of(IPv4Network(subnet), addresses, routes)


def test_our_own_cable_and_routes_are_not_in_the_way():
    assert users("198.18.0.0/24") == []


def test_a_bridge_of_others_is_in_the_way_of_its_subnet_only():
    assert users("198.18.254.0/25") == ["docker0 (198.18.254.0/24)"]
    assert users("198.18.253.0/24") == []


def test_a_wider_route_of_others_is_in_the_way():
    assert users("198.18.0.0/24", routes=[*ROUTES, VPN]) == ["tun0 (198.18.0.0/16)"]


def test_a_route_by_which_others_refuse_the_range_is_not():
    backstop = {"type": "unreachable", "dst": "198.18.0.0/15", "protocol": "boot"}
    assert users("198.18.0.0/24", routes=[*ROUTES, backstop]) == []


def test_a_host_route_without_a_prefix_is_read():
    assert users("198.18.9.0/24", routes=[{"dst": "198.18.9.9", "dev": "x"}]) == [
        "x (198.18.9.9/32)"
    ]


def test_the_first_two_addresses_are_the_two_ends():
    link = TestbedLink(network=IPv4Network("198.19.7.0/30"))
    assert (link.server, link.client) == ("198.19.7.1", "198.19.7.2")


def test_the_client_has_no_way_out_of_the_benchmarking_range():
    steps = TestbedLink(network=IPv4Network("198.18.0.0/24")).client_steps
    destinations = [step.split("route add ", 1)[1] for step in steps if "route" in step]
    assert all("198.18.0.0/15" in destination for destination in destinations)
