# SPDX-License-Identifier: Apache-2.0
"""LXD's socket and facts; sysctls that the kernel hides are left out of the tuning."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from featherbench.records.tuning import Tuning
from featherbench.system import ssh
from featherbench.system.machine import LocalMachine
from featherbench.technologies.lxd import connection, technology

TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1024", "net.ipv4.tcp_tw_reuse": "1"}, nofile=20000
)


class Kernel61:
    """A machine whose `ls` prints what it prints on Debian 12 in a user and network namespace."""

    name = "/guests/a/ssh_config"

    def run(self, argv, **_):
        assert argv[:4] == ["unshare", "--user", "--map-root-user", "--net"]
        return SimpleNamespace(stdout="/proc/sys/net/ipv4/tcp_tw_reuse\n", exit_status=2)


def test_a_hidden_sysctl_is_left_out_and_without_sysctls_the_machine_is_not_asked(monkeypatch):
    no_tuning = Tuning(net_sysctls={}, nofile=None)
    assert technology.Technology().settable(no_tuning, Kernel61()) == no_tuning
    monkeypatch.setattr(ssh, "machine_named", lambda _name: Kernel61())
    visible = technology.Technology().settable(TUNING, Kernel61())
    assert visible.net_sysctls == {"net.ipv4.tcp_tw_reuse": "1"}
    assert visible.nofile == 20000


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
    ("server", "driver"), [("lxd", "lxc"), ("incus", "lxc | qemu"), ("lxd", "qemu | lxc")]
)
def test_facts_name_the_server_and_its_version(server, driver, monkeypatch, captured):
    info = captured("server.json")
    info["environment"] |= {"server": server, "driver": driver}
    monkeypatch.setattr(connection, "connect", lambda _: SimpleNamespace(host_info=info))
    facts = technology.Technology().facts()
    assert facts[server] == "5.0.2"
    assert facts[driver] == "5.0.2"
    assert all(isinstance(value, str) for value in facts.values())
