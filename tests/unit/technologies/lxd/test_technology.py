# SPDX-License-Identifier: Apache-2.0
"""Sysctls that the kernel hides from user namespaces are left out of the tuning."""

from types import SimpleNamespace

from featherbench.records.tuning import Tuning
from featherbench.technologies.lxd import technology

TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1024", "net.ipv4.tcp_tw_reuse": "1"}, nofile=20000
)


class Kernel61:
    """A machine whose `ls` prints what it prints on Debian 12 in a user and network namespace."""

    name = "/guests/a/ssh_config"

    def run(self, argv, **_):
        assert argv[:4] == ["unshare", "--user", "--map-root-user", "--net"]
        return SimpleNamespace(stdout="/proc/sys/net/ipv4/tcp_tw_reuse\n", exit_status=2)


def test_a_hidden_sysctl_is_left_out(monkeypatch):
    monkeypatch.setattr(technology, "machine_named", lambda _name: Kernel61())
    visible = technology.visible(TUNING, Kernel61())
    assert visible.net_sysctls == {"net.ipv4.tcp_tw_reuse": "1"}
    assert visible.nofile == 20000


def test_without_sysctls_the_machine_is_not_asked():
    no_tuning = Tuning(net_sysctls={}, nofile=None)
    assert technology.visible(no_tuning, Kernel61()) == no_tuning
