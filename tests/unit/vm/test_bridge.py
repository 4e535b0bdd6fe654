# SPDX-License-Identifier: Apache-2.0
"""The bridge of virtual machines, its label, and when an interface may be put on it."""

from types import SimpleNamespace

import pytest

from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import CommandError, InstanceDiedError, TestbedError
from featherbench.system import iproute
from featherbench.system.subprocesses import Completed
from featherbench.testbed.network import TestbedLink
from featherbench.unikernels import tap
from featherbench.vm import bridge

ADDRESSES = addresses_in("198.18.2.0/24")


def test_packets_for_a_guest_are_refused_when_the_bridge_is_gone():
    steps = bridge.steps(ADDRESSES, "fb-guest3", "/run/featherbench")
    assert "route replace unreachable 198.18.2.0/24 metric 65001 proto 199" in steps
    assert "route replace 198.18.2.128/25 via 198.18.2.2 dev fb-guest3 proto 199" in steps


REFUSED = [
    {"type": "unreachable", "dst": "10.78.0.0/24"},
    {"type": "unreachable", "dst": "198.18.2.0/24", "metric": 7},
    {"type": "unreachable", "dst": "198.18.3.0/24", "metric": 65001},
    {"dst": "198.18.2.128/25", "dev": "fb-guest0"},
    {"dst": "default", "dev": "vpn0"},
]


@pytest.fixture
def kernel(monkeypatch):
    """The routes with our protocol's number, and what is run; `deaf` refuses to delete."""
    routes, ran = list(REFUSED), []

    def ip(*words, check=True):
        assert not check
        ran.append(" ".join(words))
        return Completed(argv=words, exit_status=2, stdout="", stderr="busy", duration_s=0, cpu_s=0)

    monkeypatch.setattr(iproute, "query", lambda *_, **__: routes)
    monkeypatch.setattr(iproute, "addresses", dict)
    monkeypatch.setattr(iproute, "ip", ip)
    return SimpleNamespace(routes=routes, ran=ran)


@pytest.mark.usefixtures("kernel")
def test_only_routes_to_our_own_addresses_are_ours():
    assert set(map(str, bridge.stale_routes())) == {"198.18.2.0/24", "198.18.3.0/24"}


def test_a_route_is_deleted_as_it_is_and_one_that_stays_is_an_error(kernel):
    subnet = bridge.stale_routes()[0]
    with pytest.raises(CommandError, match="busy"):
        bridge.remove_route(subnet)
    assert kernel.ran == ["route delete unreachable 198.18.2.0/24 metric 7 proto 199"]
    del kernel.routes[1:]
    bridge.remove_route(subnet)


@pytest.mark.parametrize("has_ipv6", [True, False])
def test_without_ipv6_nothing_of_it_is_asked(tmp_path, monkeypatch, has_ipv6):
    monkeypatch.setattr(iproute, "IPV6", tmp_path / ("" if has_ipv6 else "gone"))
    link = TestbedLink(network=ADDRESSES.subnet)
    batches = (
        link.machine_steps,
        link.client_steps,
        bridge.steps(ADDRESSES, "fb-guest0", "/x"),
        tap.steps("1", "kvm", "/x", "fb-guest0"),
    )
    assert [any("addrgenmode" in step for step in steps) for steps in batches] == [has_ipv6] * 4


def test_a_bridge_is_labelled(tmp_path, monkeypatch):
    for name, alias in (("fb-guest0", ""), ("fb-guest1", "featherbench /a b"), ("docker0", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ifalias").write_text(f"{alias}\n")
    monkeypatch.setattr(iproute, "INTERFACES", tmp_path)
    assert bridge.owners() == {"fb-guest1": "/a b"}
    assert bridge.of("/a b") == "fb-guest1"
    with pytest.raises(InstanceDiedError):
        bridge.of("/other")


@pytest.fixture
def interfaces(monkeypatch, tmp_path):
    """An interface `eth1`, and the means to put it to use."""
    monkeypatch.setattr(iproute, "INTERFACES", tmp_path)
    monkeypatch.setattr(bridge, "_link_addresses", lambda _link: [])
    monkeypatch.setattr(bridge, "owners", lambda: {"fb-guest1": "/other"})
    monkeypatch.setattr(bridge, "ports", lambda _name: ["eth1"])
    (tmp_path / "eth1").mkdir()

    def use(master="", *uppers):
        for name in filter(None, (master, *uppers)):
            (tmp_path / name).mkdir()
            (tmp_path / "eth1" / f"upper_{name}").symlink_to(tmp_path / name)
        if master:
            (tmp_path / "eth1/master").symlink_to(tmp_path / master)

    return use


@pytest.mark.parametrize("uses", [(), ("fb-guest0",)], ids=["by nobody", "by our own bridge"])
def test_a_link_that_is_not_used_by_others_is_free(interfaces, uses):
    interfaces(*uses)
    assert bridge.in_use("eth1", "fb-guest0") == ""


@pytest.mark.parametrize(
    ("uses", "said"), [(("br0",), "is a part of br0"), (("", "eth1.7"), "carries eth1.7")]
)
def test_a_link_that_others_use_is_not_touched(interfaces, uses, said):
    interfaces(*uses)
    assert bridge.in_use("eth1", "fb-guest0") == said
    with pytest.raises(TestbedError, match="in use"):
        bridge.attach_link("eth1", "fb-guest0")


def test_a_link_with_an_address_is_not_touched(interfaces, monkeypatch):
    interfaces()
    monkeypatch.setattr(bridge, "_link_addresses", lambda _link: ["192.0.2.7"])
    assert bridge.in_use("eth1", "fb-guest0") == "has the address 192.0.2.7"


def test_a_link_is_only_taken_from_a_bridge_without_guests(interfaces, monkeypatch):
    interfaces("fb-guest1")
    assert bridge.in_use("eth1", "fb-guest0") == ""
    monkeypatch.setattr(bridge, "ports", lambda _name: ["eth1", "vnet0"])
    assert "guests of another run" in bridge.in_use("eth1", "fb-guest0")
