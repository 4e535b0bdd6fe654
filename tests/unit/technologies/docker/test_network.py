# SPDX-License-Identifier: Apache-2.0
"""The network of the containers, and the comparison with an existing one."""

import pytest

from featherbench.technologies.docker import network


@pytest.mark.parametrize(
    ("api_version", "unprotected"),
    [("1.41", False), ("1.47", False), ("1.48", True), ("1.51", True), ("2.0", True)],
)
def test_newer_engines_get_the_option_to_route_to_containers(api_version, unprotected):
    options = network.driver_options(api_version)
    assert options["com.docker.network.bridge.name"] == "fb-docker0"
    gateway = options.get("com.docker.network.bridge.gateway_mode_ipv4")
    assert gateway == ("nat-unprotected" if unprotected else None)


def test_a_network_with_further_properties_matches():
    expected = network.description("198.18.1.0/24", "/run/state", "1.41")
    pool = {"Subnet": "198.18.1.0/24", "Gateway": "198.18.1.1", "IPRange": ""}
    actual = expected | {"Id": "1", "IPAM": {"Driver": "default", "Config": [pool]}}
    assert network.matches(actual, expected)


@pytest.mark.parametrize(
    "changed",
    [
        {"IPAM": {"Config": [{"Subnet": "198.18.2.0/24", "Gateway": "198.18.2.1"}]}},
        {"IPAM": {"Config": []}},
        {"Options": {}},
        {"Labels": None},
        {"Driver": "macvlan"},
    ],
)
def test_another_network_does_not_match(changed):
    expected = network.description("198.18.1.0/24", "/run/state", "1.41")
    assert not network.matches(expected | changed, expected)
