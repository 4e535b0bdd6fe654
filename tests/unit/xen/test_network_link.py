# SPDX-License-Identifier: Apache-2.0
"""When an interface may be put on the guests' bridge."""

import pytest

from featherbench.errors import TestbedError
from featherbench.xen import network_link


@pytest.fixture
def interfaces(monkeypatch, tmp_path):
    """An interface `eth1`, and the means to put it to use."""
    monkeypatch.setattr(network_link, "INTERFACES", tmp_path)
    monkeypatch.setattr(network_link, "addresses", lambda _link: [])
    monkeypatch.setattr(network_link.bridge, "owners", lambda: {"fb-guest1": "/other"})
    monkeypatch.setattr(network_link.bridge, "ports", lambda _name: ["eth1"])
    (tmp_path / "eth1").mkdir()

    def use(master="", *uppers):
        for name in filter(None, (master, *uppers)):
            (tmp_path / name).mkdir()
            (tmp_path / "eth1" / f"upper_{name}").symlink_to(tmp_path / name)
        if master:
            (tmp_path / "eth1/master").symlink_to(tmp_path / master)

    return use


def test_a_free_link_is_free(interfaces):
    interfaces()
    assert network_link.in_use("eth1", "fb-guest0") == ""


def test_a_link_on_our_own_bridge_is_free(interfaces):
    interfaces("fb-guest0")
    assert network_link.in_use("eth1", "fb-guest0") == ""


@pytest.mark.parametrize(
    ("uses", "said"),
    [(("br0",), "is a part of br0"), (("", "eth1.7"), "carries eth1.7")],
)
def test_a_link_that_others_use_is_not_touched(interfaces, uses, said):
    interfaces(*uses)
    assert network_link.in_use("eth1", "fb-guest0") == said
    with pytest.raises(TestbedError, match="in use"):
        network_link.attach("eth1", "fb-guest0")


def test_a_link_with_an_address_is_not_touched(interfaces, monkeypatch):
    interfaces()
    monkeypatch.setattr(network_link, "addresses", lambda _link: ["192.0.2.7"])
    assert network_link.in_use("eth1", "fb-guest0") == "has the address 192.0.2.7"


def test_a_link_is_only_taken_from_a_bridge_without_guests(interfaces, monkeypatch):
    interfaces("fb-guest1")
    assert network_link.in_use("eth1", "fb-guest0") == ""
    monkeypatch.setattr(network_link.bridge, "ports", lambda _name: ["eth1", "vnet0"])
    assert "guests of another run" in network_link.in_use("eth1", "fb-guest0")
