# SPDX-License-Identifier: Apache-2.0
"""What the contracts do themselves."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from featherbench.contracts.bench import Client
from featherbench.contracts.image_description import Description
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.vm_runner import addresses_in, mac_of
from featherbench.contracts.workload import Workload


def test_a_program_runs_in_the_clients_network_on_its_cpus_with_its_limit():
    client = Client(
        address="198.18.0.2", cpus=(0, 2), namespace=Path("/run/netns/fb-client"), nofile=20000
    )
    assert client.command(["wrk", "-t1"]) == [
        *("nsenter", "--net=/run/netns/fb-client"),
        *("prlimit", "--nofile=20000:20000"),
        *("taskset", "-c", "0,2"),
        *("wrk", "-t1"),
    ]


def test_on_loopback_there_is_neither_namespace_nor_limit():
    client = Client(address="127.0.0.1", cpus=(1,), namespace=None, nofile=None)
    assert client.command(["true"]) == ["taskset", "-c", "1", "true"]


def test_the_output_comes_back():
    client = Client(address="127.0.0.1", cpus=(0,), namespace=None, nofile=64)
    done = client.run(["sh", "-c", "ulimit -n"], timeout_s=5)
    assert done.stdout == "64\n"


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"arguments": "--ip ${adress}"}, "adress"),
        ({"arguments": "costs 5$"}, r"\$"),
        ({"boot": "disk"}, "no disks"),
        ({"boot": "disk", "kernel": "/k", "disks": [{}]}, "without a kernel"),
        ({"boot": "disk", "disks": [{}], "backend": "solo5-spt"}, "cannot boot from a disk"),
        ({"kernel": "/k", "make": {"command": ["a"], "version": ["b"]}}, "or `make`"),
        ({"console": {"failure": ["("]}}, "no regular expression"),
        ({"memory_mib": 0}, "greater than or equal to 1"),
        ({"machine": "pc -daemonize"}, "pattern"),
        ({"nic": {"model": "e1000,netdev=other"}}, "pattern"),
        ({"disks": [{"format": "vmdk"}]}, "raw"),
        ({"sha256": "abc"}, "pattern"),
        ({"backend": "xl", "accepted_exits": [0]}, "no exit status"),
        ({"no_such_key": 1}, "not permitted"),
    ],
)
def test_invalid_keys_are_refused(keys, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Description.model_validate(keys)


def test_an_image_may_have_little_memory():
    assert Description(memory_mib=2).memory_mib == 2


def test_every_placeholder_is_filled_once_and_a_dollar_stays():
    told = Description(arguments="${address}/${prefix},, $${x}").filled_arguments(
        {"address": "198.18.2.2", "prefix": "25"}
    )
    assert told == "198.18.2.2/25,, ${x}"


class Settings(DriverSettings):
    size: int = 1


class WithSettings(Workload[Settings]):
    services = ("http",)


class Derived(WithSettings):
    pass


class WithoutSettings(Workload):
    services = ("http",)


def test_a_drivers_class_of_settings_is_the_parameter_of_its_base_class_or_has_no_keys():
    assert WithSettings.Settings is Derived.Settings is Settings
    assert WithoutSettings.Settings is DriverSettings
    assert DriverSettings.model_fields == {}


ADDRESSES = addresses_in("198.18.2.0/24")


def test_the_subnet_is_shared_between_bridge_and_containers():
    assert (ADDRESSES.gateway, ADDRESSES.guest) == ("198.18.2.1", "198.18.2.2")
    assert str(ADDRESSES.bridged) == "198.18.2.0/25"
    assert str(ADDRESSES.containers) == "198.18.2.128/25"


def test_each_instance_has_its_own_mac_address():
    assert mac_of("a") == mac_of("a") != mac_of("b")
    assert len(mac_of("a")) == 17
