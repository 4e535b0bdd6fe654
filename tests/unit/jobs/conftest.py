# SPDX-License-Identifier: Apache-2.0
"""What tests of jobs share."""

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a run, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
