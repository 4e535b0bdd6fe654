# SPDX-License-Identifier: Apache-2.0

from contextlib import nullcontext
from ipaddress import IPv4Interface, IPv4Network

import pytest

from featherbench.errors import TestbedError
from featherbench.records.job_specs import TestbedSpec
from featherbench.system import iproute
from featherbench.testbed import network
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


def users(subnet, addresses=ADDRESSES, routes=ROUTES):
    return users_of(IPv4Network(subnet), addresses, routes)


def test_our_own_cable_and_routes_are_not_in_the_way():
    assert users("198.18.0.0/24") == []


def test_a_bridge_of_others_is_in_the_way_of_its_subnet_only():
    assert users("198.18.254.0/25") == ["docker0 (198.18.254.0/24)"]
    assert users("198.18.253.0/24") == []


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ({"dst": "198.18.0.0/16"}, "tun0 (198.18.0.0/16)"),
        ({"dst": "198.18.0.0/15", "table": "100"}, "tun0 (198.18.0.0/15)"),
        ({"dst": "0.0.0.0/1"}, None),  # one half of the default route of a VPN
        ({"dst": "198.0.0.0/8", "table": "2022"}, None),
        ({"type": "local", "dst": "198.18.0.0/24", "table": "local"}, "tun0 (198.18.0.0/24)"),
        ({"type": "local", "dst": "198.18.0.1", "table": "local", "protocol": "kernel"}, None),
        ({"dst": "198.18.0.0/24", "protocol": "198"}, "tun0 (198.18.0.0/24)"),
        ({"dst": "198.18.0.0/25", "dev": "fb-guest7"}, None),
        ({"dst": "198.18.0.9"}, "tun0 (198.18.0.9/32)"),  # the route of a host
        ({"type": "unreachable", "dst": "198.18.0.0/15", "protocol": "boot"}, None),
    ],
)
def test_a_route_of_others_is_in_the_way_unless_it_is_a_default_route(route, name):
    routes = [*ROUTES, {"dev": "tun0", **route}]
    assert users("198.18.0.0/24", routes=routes) == ([name] if name else [])


@pytest.mark.parametrize(
    ("address", "changes", "message"),
    [
        ("198.18.0.7/30", {}, r"testbed\.subnet: 198\.18\.0\.0/24 .* docker0"),
        ("198.18.1.1/16", {"subnet": "198.19.0.0/24"}, r"testbed\.container_subnet.* docker0"),
        ("198.18.2.129/32", {}, r"testbed\.guest_subnet.* docker0 \(198\.18\.2\.129/32\)"),
        ("198.18.2.129/32", {"guest_subnet": ""}, None),
        ("198.18.0.7/30", {"client": "loopback"}, None),
        ("172.17.0.1/16", {}, None),
    ],
)
def test_each_subnet_is_compared_with_what_others_use(monkeypatch, address, changes, message):
    interfaces = {"docker0": [IPv4Interface(address)], "fb-lxd0": [IPv4Interface("198.18.1.9/27")]}
    monkeypatch.setattr(iproute, "addresses", lambda: interfaces)
    monkeypatch.setattr(iproute, "query", lambda *_: [])
    expected = pytest.raises(TestbedError, match=message) if message else nullcontext()
    with expected:
        network.require_unused(TestbedSpec(**changes))


def test_the_first_two_addresses_are_the_two_ends():
    link = TestbedLink(network=IPv4Network("198.19.7.0/30"))
    assert (link.server, link.client) == ("198.19.7.1", "198.19.7.2")


def test_the_client_has_no_way_out_of_the_benchmarking_range():
    steps = TestbedLink(network=IPv4Network("198.18.0.0/24")).client_steps
    destinations = [step.split("route add ", 1)[1] for step in steps if "route" in step]
    assert all("198.18.0.0/15" in destination for destination in destinations)
