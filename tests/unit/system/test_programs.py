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


def test_only_root_has_roots_rights(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert list(programs.missing_root()) == []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [requirement.what for requirement in programs.missing_root()] == ["this needs root"]
