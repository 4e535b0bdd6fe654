# SPDX-License-Identifier: Apache-2.0
"""The example of a user's own drivers runs, as docs/extending.md says."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
WINDOWS = {"http": 2, "connect": 10}


@pytest.fixture
def example(project):
    shutil.copytree(EXAMPLES / "my_drivers", project.folder / "my_drivers")
    project.config = yaml.safe_load((EXAMPLES / "config.yaml").read_text())
    project.config["workloads"]["http"]["settings"] = {"window_s": 0.5, "warm_up_s": 0.2}
    if shutil.which("ab") is None:
        del project.config["workloads"]["http"]["load_generator"]
    project.write_config()
    return project


def test_it_measures_and_reports(example):
    example.snakemake("all")
    cells = {name: json.loads(path.read_text()) for name, path in example.cells().items()}
    assert {name.split("/")[1] for name in cells} == set(WINDOWS)
    for name, cell in cells.items():
        # A window may be taken again when it was too short.
        assert len(cell["windows"]) >= WINDOWS[name.split("/")[1]]
        assert all(window["value"] > 0 for window in cell["windows"])
    assert (example.folder / "results/report.html").exists()
