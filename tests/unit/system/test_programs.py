# SPDX-License-Identifier: Apache-2.0

import os

import pytest

from featherbench.system import programs


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root file system with one program in a user's PATH and one in root's only."""
    monkeypatch.setenv("PATH", "/usr/bin")
    for file in ("usr/bin/ours", "usr/sbin/daemon"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch(mode=0o755)
    return tmp_path


def test_programs_in_the_system_folders_are_found_without_roots_path(root):
    assert programs.path_of("ours", root) == root / "usr/bin/ours"
    assert programs.path_of("daemon", root) == root / "usr/sbin/daemon"
    assert programs.path_of("other", root) is None


def test_a_missing_program_is_named_with_its_package():
    assert programs.missing({"sh": "dash"}) == []
    (requirement,) = programs.missing({"sh": "dash", "no-such-program": "nothing"})
    assert requirement.what == "the program no-such-program is missing"
    assert requirement.remedy == "apt-get install nothing"


@pytest.mark.parametrize(
    ("answer", "unreadable", "untested"),
    [
        ("ping from iputils 20221126", "", ""),
        ("ping from iputils 20250605", "", "ping 20250605 (tested: 20221126, 1.2)"),
        ("ping from iputils 1.20", "", "ping 1.20 (tested: 20221126, 1.2)"),
        ("ping from iputils 1.2.9", "", ""),
        ("iputils", "", "ping of unknown version (tested: 20221126, 1.2)"),
        (
            "ping (GNU inetutils) 2.4",
            "this ping is not iputils: `ping -V` says 'ping (GNU inetutils) 2.4'",
            "ping 2.4 (tested: 20221126, 1.2)",
        ),
    ],
)
def test_a_version_is_tested_or_told_and_another_program_is_a_lack(
    tmp_path, monkeypatch, answer, unreadable, untested
):
    (tmp_path / "ping").write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
    (tmp_path / "ping").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    versions = programs.Versions(ask=("ping", "-V"), says="iputils", tested=("20221126", "1.2"))
    assert [lack.what for lack in versions.unreadable("x")] == [unreadable] * bool(unreadable)
    assert versions.untested() == untested


def test_what_is_not_installed_is_neither_unreadable_nor_untested():
    versions = programs.Versions(ask=("no-such-program",), says="x", tested=("1",))
    assert (versions.unreadable("x"), versions.untested()) == ((), "")


ALL, NETWORK_ALONE, NONE = "000001ffffffffff", "0000000000001000", "0000000000000000"


@pytest.mark.parametrize(
    ("user_id", "capabilities", "lacking"),
    [
        (0, ALL, []),
        (0, NETWORK_ALONE, ["root lacks CAP_SYS_ADMIN here, as in a container"]),
        (0, NONE, ["root lacks CAP_NET_ADMIN and CAP_SYS_ADMIN here, as in a container"]),
        (1000, NONE, ["this needs root"]),
    ],
)
def test_root_has_what_its_capabilities_say(monkeypatch, tmp_path, user_id, capabilities, lacking):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text(f"Name:\tx\nCapEff:\t{capabilities}\n")
    monkeypatch.setattr(os, "geteuid", lambda: user_id)
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    assert [requirement.what for requirement in programs.missing_root()] == lacking
