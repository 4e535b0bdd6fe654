# SPDX-License-Identifier: Apache-2.0
"""The real namespace: what passes, what does not, what is put back, what is left alone."""

import json
import subprocess
from pathlib import Path

import pytest

from featherbench.contracts.bench import Client
from featherbench.errors import TestbedError
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.tuning import Tuning
from featherbench.testbed import network
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import session
from featherbench.testbed.state import STATE_VARIABLE

pytestmark = pytest.mark.testbed

FOREIGN = "foreign-test"
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1021", "net.ipv4.ip_local_port_range": "1024 65535"},
    nofile=2048,
    file_max=None,
)


@pytest.fixture
def enter(wired, monkeypatch):
    """Give a session in this process; the testbed is released at the end."""
    monkeypatch.setenv(STATE_VARIABLE, str(wired.state.directory))

    def enter(tuning=TUNING, **spec):
        file = wired.folder / "sequence"
        return session(TestbedSpec(**spec), tuning, what="test", sequence_file=file)

    yield enter
    release_testbed()


@pytest.fixture
def foreign_namespace():
    subprocess.run(["ip", "netns", "add", FOREIGN], check=True)
    yield Path("/run/netns") / FOREIGN
    subprocess.run(["ip", "netns", "delete", FOREIGN], check=True)


@pytest.fixture
def foreign_process():
    process = subprocess.Popen(["sleep", "600"], env={"FEATHERBENCH_UNRELATED": "1"})
    yield process
    process.kill()
    process.wait()


def test_packets_pass_between_client_and_server(enter):
    with enter() as testbed:
        ping = ["ping", "-c", "3", "-i", "0.02", testbed.placement.address]
        assert ", 0% packet loss" in testbed.client.run(ping, timeout_s=10).stdout


@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8", "198.17.255.255"])
def test_the_client_has_no_way_out(enter, address):
    with enter() as testbed:
        way = testbed.client.run(["ip", "route", "get", address], timeout_s=5, check=False)
        assert "unreachable" in way.stderr


@pytest.mark.parametrize("address", ["198.18.1.77", "198.18.2.254"])
def test_nothing_strays_to_a_network_that_is_gone(enter, ip, address):
    with enter() as testbed:
        assert "No route to host" in ip("route", "get", address).stderr
        ping = ["ping", "-c", "1", "-W", "1", address]
        done = testbed.client.run(ping, timeout_s=10, check=False)
        assert done.exit_status != 0
        ip("link", "set", network.SERVER_INTERFACE, "down")
        way = ip("route", "get", testbed.client.address)
        assert "No route to host" in way.stderr


@pytest.fixture
def foreign_bridge(ip):
    """A network of somebody else's."""
    ip("link", "add", "foreign0", "type", "bridge")
    ip("link", "set", "foreign0", "up")
    yield "foreign0"
    for priority in ("9000", "9001"):
        ip("rule", "delete", "priority", priority)
    ip("link", "delete", "foreign0")


def test_addresses_that_others_use_go_where_they_went(enter, ip, foreign_bridge):
    """As with a proxy, whose default route is in a table of its own."""
    ip("address", "add", "192.0.2.1/24", "dev", foreign_bridge)
    ip("route", "add", "128.0.0.0/1", "dev", foreign_bridge)
    ip("route", "add", "default", "dev", foreign_bridge, "table", "2022")
    ip("rule", "add", "lookup", "main", "priority", "9000", "suppress_prefixlength", "0")
    ip("rule", "add", "lookup", "2022", "priority", "9001")
    before = ip("-json", "route", "get", "198.18.5.5").stdout
    with enter() as testbed:
        assert ip("-json", "route", "get", "198.18.5.5").stdout == before
        ping = ["ping", "-c", "1", testbed.placement.address]
        assert testbed.client.run(ping, timeout_s=10).exit_status == 0


def test_a_rule_that_takes_the_clients_packets_away_is_named(enter, ip, foreign_bridge):
    ip("route", "add", "default", "dev", foreign_bridge, "table", "2022")
    ip("rule", "add", "lookup", "2022", "priority", "9001")
    with pytest.raises(TestbedError, match=r"go to foreign0.*`ip rule`"):
        enter().__enter__()


def test_both_sides_are_tuned_and_put_back(enter, wired):
    with enter() as testbed:
        assert testbed.applied["machine"] == testbed.applied["client"] == TUNING.net_sysctls
        inside = testbed.client.run(["cat", "/proc/sys/net/core/somaxconn"], timeout_s=5)
        assert inside.stdout == "1021\n"
        assert SOMAXCONN.read_text() == "1021\n"
        limit = testbed.client.run(["sh", "-c", "ulimit -Sn; ulimit -Hn"], timeout_s=5)
        assert limit.stdout.split() == ["2048", "2048"]
    release_testbed()
    assert wired.leftovers() == []


@pytest.mark.parametrize("wanted", [None, 2048])
def test_the_clients_limit_is_recorded_as_it_is(enter, wanted):
    with enter(TUNING.model_copy(update={"nofile": wanted})) as testbed:
        limit = testbed.client.run(["sh", "-c", "ulimit -Sn"], timeout_s=5).stdout.strip()
        assert testbed.applied["nofile"] == limit


def test_a_limit_that_does_not_take_is_named(enter, monkeypatch):
    monkeypatch.setattr(Client, "_wrapped", lambda _self, argv: list(argv))
    with pytest.raises(TestbedError, match=r"nofile is .* at the client, not 2048"), enter():
        pytest.fail("the client has another limit")


def test_a_sysctl_that_the_kernel_refuses_is_named_and_nothing_stays(enter, wired):
    refused = TUNING.model_copy(update={"net_sysctls": {"net.core.somaxconn": "-7"}})
    with pytest.raises(TestbedError, match=r"net\.core\.somaxconn"), enter(refused):
        pytest.fail("the value is none that the kernel takes")
    release_testbed()
    assert wired.leftovers() == []


def test_the_next_job_finds_the_network_as_it_is(enter, ip):
    def link_index():
        return json.loads(ip("-json", "link", "show", network.SERVER_INTERFACE).stdout)[0][
            "ifindex"
        ]

    with enter():
        before = link_index()
    with enter():
        assert link_index() == before


def test_a_damaged_network_is_made_again(enter, ip):
    with enter():
        pass
    ip("link", "delete", network.SERVER_INTERFACE)
    with enter() as testbed:
        ping = ["ping", "-c", "1", testbed.placement.address]
        assert testbed.client.run(ping, timeout_s=10).exit_status == 0


def test_a_subnet_that_others_use_is_refused(enter, ip, foreign_bridge):
    ip("address", "add", "198.18.9.1/24", "dev", foreign_bridge)
    with pytest.raises(TestbedError, match=r"foreign0 \(198\.18\.9\.0/24\)"):
        enter(subnet="198.18.9.0/24").__enter__()
    with enter(subnet="198.18.10.0/24") as testbed:
        assert testbed.placement.address == "198.18.10.1"


def test_clean_is_idempotent_and_leaves_others_alone(wired, foreign_namespace, foreign_process):
    network.set_up(wired.state, TestbedSpec())
    straggler = subprocess.Popen(["ip", "netns", "exec", network.NAMESPACE, "sleep", "600"])
    removed = wired.command("clean")
    assert removed.returncode == 0
    assert "removed network namespace fb-client" in removed.stdout
    assert straggler.wait(timeout=5) != 0
    assert wired.leftovers() == []
    again = wired.command("clean")
    assert (again.returncode, again.stdout) == (0, "nothing is left\n")
    assert foreign_namespace.exists()
    assert foreign_process.poll() is None


def test_routes_of_others_with_our_number_stay(wired, ip):
    theirs = f"unreachable 10.79.0.0/24 proto {network.ROUTE_PROTOCOL}"
    ip("route", "add", *theirs.split())
    try:
        network.set_up(wired.state, TestbedSpec())
        network.tear_down(wired.state)
        left = ip("route", "show", "proto", str(network.ROUTE_PROTOCOL)).stdout
        assert left.strip() == "unreachable 10.79.0.0/24"
        assert not network.exists(wired.state)
    finally:
        ip("route", "delete", *theirs.split())
