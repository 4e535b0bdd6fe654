# SPDX-License-Identifier: Apache-2.0
"""A row of a unikernel that is a process of this machine; a stand-in for Solo5's tender runs it."""

import json
from pathlib import Path

import pytest

from builders import ELF_HEAD, stand_in

pytestmark = pytest.mark.testbed
FAKE = Path(__file__).parents[1] / "integration/platforms/fake_solo5.py"


@pytest.fixture
def tender(tmp_path, monkeypatch):
    """Put the stand-in into the PATH, and give an image for it."""
    stand_in(FAKE, tmp_path / "bin", monkeypatch, "solo5-spt")
    kernel = tmp_path / "www.spt"
    kernel.write_bytes(ELF_HEAD + b"Solo5 solo5-spt")
    return kernel


def test_its_start_is_measured(tender, project_with, tmp_path):
    described = {"kernel": str(tender), "arguments": "greet ${address}/${prefix}"}
    mirageos = {"name": "mirageos-native", "settings": {"images": {"startup": described}}}
    config = {
        "baseline": "mirageos-native",
        "platforms": [mirageos],
        "workloads": {"startup": None},
        "repetitions": {"deployments": 2, "windows": 1},
    }
    project = project_with(config, folder=tmp_path / "project")
    project.measure("mirageos-native/startup/d1/c1", "mirageos-native/startup/d2/c1")
    cells = [json.loads(path.read_text()) for path in project.cells().values()]
    windows = [window for cell in cells for window in cell["windows"]]
    assert len(windows) == 2
    for window in windows:
        assert 0 < window["value"] < 10
        assert window["notes"]["stamped_by"] == "first frame"
    assert project.traces() == set()
