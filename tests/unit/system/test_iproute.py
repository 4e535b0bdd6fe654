# SPDX-License-Identifier: Apache-2.0
"""What is asked of `ip`, and what its answers mean."""

from functools import partial
from ipaddress import IPv4Interface

import pytest

from builders import captured
from featherbench.errors import CommandError
from featherbench.system import iproute
from featherbench.system.subprocesses import Completed

# `ip -json -4 address show`, shortened to what is read; {} is what iproute2 filters out
ADDRESSES = """[{},
  {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8, "scope": "host"}]},
  {"ifname": "down0", "addr_info": []}]"""


@pytest.fixture
def answer(monkeypatch):
    """Set the answer of every program; `commands` are those that were run, with their input."""

    def be(stdout, exit_status=0):
        commands = []

        def run(argv, *, stdin=None, **_):
            commands.append((argv, stdin))
            done = {"exit_status": exit_status, "stdout": stdout, "stderr": ""}
            return Completed(argv=tuple(argv), duration_s=0.0, cpu_s=0.0, **done)

        monkeypatch.setattr(iproute.subprocesses, "run", run)
        return commands

    return be


def test_addresses_are_by_interface(answer):
    commands = answer(ADDRESSES)
    assert iproute.addresses("up") == {"lo": [IPv4Interface("127.0.0.1/8")], "down0": []}
    assert commands == [(["ip", "-json", "-4", "address", "show", "up"], None)]


@pytest.mark.parametrize(("stdout", "status"), [("", 0), ("[]", 1), ("[]", 0)])
def test_no_answer_is_nothing_to_show(answer, stdout, status):
    answer(stdout, status)
    assert iproute.query("route", "show") == []


def test_a_batch_is_fed_in_a_namespace(answer):
    commands = answer("")
    iproute.batch(["link set lo up", "route show"], namespace="n")
    assert commands == [(["ip", "-n", "n", "-batch", "-"], "link set lo up\nroute show\n")]


def test_our_interfaces_are_found_by_their_label(tmp_path, monkeypatch):
    aliases = {"fb-a": "", "fb-b": "featherbench one two", "fb-c": "featherbenches x", "x": "y"}
    for name, alias in aliases.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "ifalias").write_text(f"{alias}\n")
    (tmp_path / "fb-vanished").mkdir()
    monkeypatch.setattr(iproute, "INTERFACES", tmp_path)
    assert iproute.labelled("fb-*") == {"fb-b": "one two"}
    assert iproute.exists("fb-a")
    assert iproute.alias_step("fb-b", "one", "two") == 'link set fb-b alias "featherbench one two"'


def test_only_an_interface_that_exists_is_deleted(answer, tmp_path, monkeypatch):
    monkeypatch.setattr(iproute, "INTERFACES", tmp_path)
    commands = answer("")
    iproute.delete("fb-a")
    assert commands == []
    (tmp_path / "fb-a").mkdir()
    iproute.delete("fb-a")
    assert commands == [(["ip", "link", "delete", "fb-a"], None)]


@pytest.mark.parametrize(
    ("said", "remedy"),
    captured("messages/iproute"),
)
def test_each_refusal_has_its_remedy(monkeypatch, said, remedy):
    def refuse(argv, **_):
        raise CommandError(argv, "ended with status 2", said)

    monkeypatch.setattr(iproute.subprocesses, "run", refuse)
    for command in (partial(iproute.ip, "netns", "add", "x"), partial(iproute.batch, ["link"])):
        with pytest.raises(CommandError) as refused:
            command()
        assert remedy in refused.value.remedy
        assert bool(remedy) == bool(refused.value.remedy)
