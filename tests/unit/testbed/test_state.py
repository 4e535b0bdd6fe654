# SPDX-License-Identifier: Apache-2.0

import os
from pathlib import Path

import pytest

from featherbench.testbed.state import STATE_VARIABLE, SYSTEM_DIRECTORY, current_state


@pytest.mark.parametrize(
    ("user_id", "runtime", "directory"),
    [
        (0, "/run/user/0", SYSTEM_DIRECTORY),
        (1000, "/run/user/1000", Path("/run/user/1000/featherbench")),
        (1000, None, Path("/tmp/featherbench-1000")),
    ],
)
def test_root_and_every_user_have_a_testbed(monkeypatch, user_id, runtime, directory):
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setattr(os, "geteuid", lambda: user_id)
    assert current_state().directory == directory
    assert current_state().is_system == (user_id == 0)


def test_a_test_can_have_a_testbed_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    state = current_state()
    assert (state.directory, state.is_system) == (tmp_path / "state", False)
    state.make()
    assert state.directory.is_dir()
