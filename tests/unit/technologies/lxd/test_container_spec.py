# SPDX-License-Identifier: Apache-2.0
"""The description with which a container is created."""

import pytest

from builders import image, placement, start_request
from featherbench.records.tuning import Tuning
from featherbench.technologies.lxd import container_spec, owned_resources
from featherbench.technologies.lxd import storage as pools
from featherbench.technologies.lxd.technology import Settings

STATE = "/run/state"


def request(network="nat", **changes):
    fields = {
        "instance_id": "abc",
        "image": image(reference={"fingerprint": "d", "alias": "featherbench-http-0"}),
        "settings": Settings(),
        "tuning": Tuning(net_sysctls={"net.core.somaxconn": "1024"}, nofile=20000),
        "placement": placement(container_subnet="198.18.1.32/27"),
    }
    return start_request(network=network, **fields | changes)


def creation(request, **settings):
    return container_spec.creation(request, "198.18.1.34", **Settings(**settings).model_dump())


@pytest.mark.parametrize("network", ["nat", "bridge"])
def test_a_container_is_unprivileged_and_gets_nothing_from_profiles(network):
    description = creation(request(network))
    assert description["config"]["security.privileged"] == "false"
    assert not [
        key for key in description["config"] if key.startswith("security.") and "priv" not in key
    ]
    assert description["profiles"] == []
    assert description["type"] == "container"
    assert description["source"] == {"type": "image", "fingerprint": "d"}


def test_a_container_gets_its_cpus_limits_sysctls_and_marks():
    description = creation(request(), memory_mib=64)["config"]
    assert description["limits.cpu"] == "2-2,3-3"
    assert description["limits.kernel.nofile"] == "20000"
    assert description["limits.memory"] == "64MiB"
    assert description["linux.sysctl.net.core.somaxconn"] == "1024"
    assert (description[owned_resources.MARK], description[owned_resources.STATE]) == ("abc", STATE)


def test_a_single_cpu_is_a_range_and_not_a_count():
    assert container_spec.cpus((1,)) == "1-1"


@pytest.mark.parametrize("storage", ["dir", "btrfs"])
def test_it_is_in_the_pool_of_its_storage(storage):
    pool = creation(request(), storage=storage)["devices"]["root"]["pool"]
    assert pool == pools.description(storage, STATE)["name"] == f"featherbench-{storage}"


def test_nothing_is_limited_unless_set():
    description = creation(request(tuning=Tuning(net_sysctls={}, nofile=None)))["config"]
    assert not {"limits.kernel.nofile", "limits.memory"} & set(description)


def test_its_address_is_set_before_its_first_process():
    description = creation(request())
    assert description["config"]["raw.lxc"].splitlines() == [
        "lxc.net.0.ipv4.address = 198.18.1.34/27",
        "lxc.net.0.ipv4.gateway = 198.18.1.33",
    ]
    assert description["devices"]["eth0"]["ipv4.address"] == "198.18.1.34"


def test_through_nat_the_port_is_published_only_at_the_placements_address():
    assert creation(request("nat"))["devices"]["published"] == {
        "type": "proxy",
        "nat": "true",
        "listen": "tcp:198.18.0.1:18080",
        "connect": "tcp:198.18.1.34:18080",
    }


@pytest.mark.parametrize("changed", [{"network": "bridge"}, {"port": None}])
def test_on_the_bridge_and_for_the_probe_nothing_is_published(changed):
    assert set(creation(request(**changed))["devices"]) == {"root", "eth0"}


def test_the_command_listens_at_any_address_inside_and_is_quoted():
    def command(request):
        return creation(request)["config"][f"environment.{container_spec.COMMAND}"]

    assert command(request()).split()[2:] == ["0.0.0.0", "18080"]
    assert command(request(command=("a b", "c"))) == "'a b' c"
