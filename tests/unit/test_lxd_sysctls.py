# SPDX-License-Identifier: Apache-2.0
"""What a kernel hides from user namespaces is left out, and told."""

from types import SimpleNamespace

from featherbench.records.tuning import Tuning
from featherbench.technologies.lxd import sysctls

TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1024", "net.ipv4.tcp_tw_reuse": "1"}, nofile=20000
)


class Kernel61:
    """Says what `ls` says on Debian 12, in a user namespace with a network of its own."""

    name = "/guests/a/ssh_config"

    def run(self, argv, **_):
        assert argv[:4] == ["unshare", "--user", "--map-root-user", "--net"]
        return SimpleNamespace(stdout="/proc/sys/net/ipv4/tcp_tw_reuse\n", exit_status=2)


def test_a_hidden_sysctl_is_named_and_left_out(monkeypatch):
    monkeypatch.setattr(sysctls, "machine_named", lambda _name: Kernel61())
    assert sysctls.hidden(TUNING, Kernel61()) == ["net.core.somaxconn"]
    possible = sysctls.visible(TUNING, Kernel61())
    assert possible.net_sysctls == {"net.ipv4.tcp_tw_reuse": "1"}
    assert possible.nofile == 20000


def test_without_sysctls_nothing_is_asked():
    assert sysctls.hidden(Tuning(net_sysctls={}, nofile=None), Kernel61()) == []
