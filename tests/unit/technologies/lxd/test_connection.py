# SPDX-License-Identifier: Apache-2.0
"""LXD's socket, its errors with remedies, and its facts (also `technology`)."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.system.machine import LocalMachine
from featherbench.technologies.lxd import connection
from featherbench.technologies.lxd.technology import Technology


@dataclass(frozen=True, kw_only=True)
class ListingMachine(LocalMachine):
    """A machine whose `ls` prints `listing`."""

    listing: str

    def run(self, argv, **_):
        return SimpleNamespace(argv=argv, stdout=self.listing)


@pytest.mark.parametrize("socket", connection.SOCKETS)
def test_the_socket_that_exists_is_used(socket):
    assert connection.socket_of(ListingMachine(listing=f"{socket}\n")) == socket


@pytest.mark.parametrize(
    ("answer", "error_class", "remedy"),
    [
        ("write /x: no space left on device", InstanceError, "make room"),
        ("Image not provided for instance creation", ImageError, "results/images/lxd"),
        ("LXD doesn't have a uid/gid allocation", InstanceError, "/etc/subuid"),
        ('exec: "dnsmasq": executable file not found in $PATH', InstanceError, "dnsmasq-base"),
        ('IP address "198.18.1.34" already defined on another NIC', InstanceError, "subnet"),
        ('Instance "featherbench-abc" already exists', InstanceError, "clean"),
        ('Required tool "btrfs" is missing', InstanceError, "btrfs-progs"),
        ("The storage pool is currently in use", InstanceError, "clean"),
    ],
)
def test_a_refusal_of_lxd_has_a_remedy(answer, error_class, remedy):
    error = connection.refusal("create", answer, InstanceError)
    assert type(error) is error_class
    assert answer in error.message
    assert remedy in error.remedy


def test_another_refusal_is_of_the_given_class():
    error = connection.refusal("prepare", "boom", TestbedError)
    assert isinstance(error, TestbedError)
    assert "LXD refused: boom" in error.message


@pytest.mark.parametrize(
    ("server", "driver"), [("lxd", "lxc"), ("incus", "lxc | qemu"), ("lxd", "qemu | lxc")]
)
def test_facts_name_the_server_and_its_version(server, driver, monkeypatch, captured):
    info = captured("server.json")
    info["environment"] |= {"server": server, "driver": driver}
    monkeypatch.setattr(connection, "connect", lambda _: SimpleNamespace(host_info=info))
    facts = Technology().facts()
    assert facts[server] == "5.0.2"
    assert facts[driver] == "5.0.2"
    assert all(isinstance(value, str) for value in facts.values())
