# SPDX-License-Identifier: Apache-2.0
"""The arguments with which a container is created; its network, compared with an existing one."""

import pytest

from builders import image, placement, start_request
from featherbench.records.tuning import Tuning
from featherbench.technologies.docker import containers
from featherbench.technologies.docker.technology import Settings

SYSCTLS = {"net.core.somaxconn": "1024"}


def request(network="nat", **changes):
    fields = {
        "instance_id": "abc",
        "image": image(reference={"id": "sha256:d"}),
        "settings": Settings(),
        "tuning": Tuning(net_sysctls=SYSCTLS, nofile=20000),
        "placement": placement(),
    }
    return start_request(network=network, **fields | changes)


def creation(request, **settings):
    return containers.creation(request, **Settings(**settings).model_dump())


@pytest.mark.parametrize("network", ["nat", "bridge", "host"])
def test_a_container_is_unprivileged_however_it_is_reached(network):
    arguments = creation(request(network))
    assert arguments["user"] == "33:33"
    assert arguments["cap_drop"] == ["ALL"]
    assert arguments["security_opt"] == ["no-new-privileges"]
    assert arguments["read_only"] is True
    assert list(arguments["tmpfs"]) == ["/run/featherbench"]
    assert not {"privileged", "cap_add", "volumes", "devices", "pid_mode"} & set(arguments)


def test_a_container_gets_its_cpus_limits_and_labels():
    arguments = creation(request(), memory_mib=64)
    assert arguments["cpuset_cpus"] == "2,3"
    assert arguments["ulimits"] == [{"Name": "nofile", "Soft": 20000, "Hard": 20000}]
    assert arguments["mem_limit"] == "64m"
    assert arguments["labels"] == {"featherbench": "abc", "featherbench.state": "/run/state"}
    assert arguments["name"] == "featherbench-abc"


def test_nothing_is_limited_and_seccomp_is_on_unless_set():
    arguments = creation(request(tuning=Tuning(net_sysctls={}, nofile=None)))
    assert arguments["ulimits"] == []
    assert arguments["mem_limit"] is None
    assert "seccomp=unconfined" in creation(request(), seccomp="unconfined")["security_opt"]


@pytest.mark.parametrize(
    ("network", "joined", "listens_at", "ports", "sysctls"),
    [
        ("nat", "featherbench", "0.0.0.0", {"18080/tcp": ("198.18.0.1", 18080)}, SYSCTLS),
        ("bridge", "featherbench", "0.0.0.0", {}, SYSCTLS),
        ("host", "host", "198.18.0.1", {}, {}),
    ],
)
def test_a_port_is_published_through_nat_alone_and_the_machines_network_is_not_tuned(
    network, joined, listens_at, ports, sysctls
):
    arguments = creation(request(network))
    assert arguments["network"] == joined
    assert arguments["command"][2:] == [listens_at, "18080"]
    assert arguments["ports"] == ports
    assert arguments["sysctls"] == sysctls


def test_the_probe_publishes_nothing():
    assert creation(request(port=None))["ports"] == {}


@pytest.mark.parametrize(
    ("api_version", "unprotected"),
    [("1.41", False), ("1.47", False), ("1.48", True), ("1.51", True), ("2.0", True)],
)
def test_newer_engines_get_the_option_to_route_to_containers(api_version, unprotected):
    options = containers.driver_options(api_version)
    assert options["com.docker.network.bridge.name"] == "fb-docker0"
    gateway = options.get("com.docker.network.bridge.gateway_mode_ipv4")
    assert gateway == ("nat-unprotected" if unprotected else None)


def test_a_network_with_further_properties_matches():
    expected = containers.network_description("198.18.1.0/24", "/run/state", "1.41")
    pool = {"Subnet": "198.18.1.0/24", "Gateway": "198.18.1.1", "IPRange": ""}
    actual = expected | {"Id": "1", "IPAM": {"Driver": "default", "Config": [pool]}}
    assert containers.network_matches(actual, expected)


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
    expected = containers.network_description("198.18.1.0/24", "/run/state", "1.41")
    assert not containers.network_matches(expected | changed, expected)
