# SPDX-License-Identifier: Apache-2.0
"""Which files a job needs."""

import pytest

from builders import interim_look
from featherbench.planning import inputs
from featherbench.planning.plan import make_plan
from featherbench.records.load_point import LoadPoint
from featherbench.records.plan import CellName
from featherbench.records.stopping_decisions import Reason

RULE = {"target_ci_percent": 2, "min": 8, "max": 10, "windows": 1}
PLATFORM = "linux-native"


@pytest.fixture
def workload(resolved):
    """A workload with two levels whose number of deployments a rule decides."""
    section = {"concurrency": [1, 5], "repetitions": RULE}
    return make_plan(resolved([PLATFORM], workloads={"http": section})).workloads[0]


@pytest.fixture
def read_look(workload):
    """Interim looks: level 1 stops after 8 deployments, level 5 after 10."""
    read = []

    def make(platform, name, deployment):
        read.append(deployment)
        assert (platform, name) == (PLATFORM, "http")
        last = (deployment, Reason.MOST if deployment == 10 else None)
        look = interim_look(deployment, workload.until, c1=(8, Reason.NARROW), c5=last)
        return look.model_copy(update={"platform": platform})

    make.read = read
    return make


def cells(level, deployments):
    return [f"results/cells/{PLATFORM}/http/d{d}/c{level}.json" for d in deployments]


def test_a_cell_is_a_file():
    assert inputs.cell_file(CellName("a-native", "kv", 2, "c7")) == (
        "results/cells/a-native/kv/d2/c7.json"
    )


def test_derived_root_file_systems_lie_apart_from_the_base():
    assert inputs.root_filesystem_stem("base") == "results/images/root"
    assert inputs.root_filesystem_stem("guest") == "results/root_filesystems/guest"
    assert inputs.base_root_filesystem("guest", ".tar").endswith(".tar")


def test_an_owners_images_need_a_file_of_each_of_its_root_file_systems(specs_of):
    specs = specs_of([PLATFORM, "docker-native"])
    assert inputs.root_filesystems(specs, "docker", ".digest") == ["results/images/root.digest"]


def test_a_cell_of_a_lease_needs_the_records_of_its_deployment(specs_of):
    specs = specs_of([PLATFORM, "docker-native"])
    assert inputs.cell_inputs(specs, CellName("docker-native", "http", 3, LoadPoint("c1"))) == {
        "images": ["results/images/docker/http.digest"],
        "deployment": "results/deployments/docker-native/http/d3.json",
        "warmup": "results/warmups/docker-native/http/d3.json",
    }


def test_a_cell_that_starts_its_own_instances_needs_images_alone(specs_of):
    specs = specs_of([PLATFORM, "docker-native"])
    assert inputs.cell_inputs(specs, CellName("docker-native", "memory", 1, LoadPoint("c1"))) == {
        "images": ["results/images/docker/http.digest", "results/images/docker/kv.digest"]
    }


def test_a_share_of_the_baselines_rate_needs_the_cell_that_shows_it(specs_of):
    http = {"rate_percent": [50], "rate_connections": 8, "load_generator": "featherbench"}
    specs = specs_of([PLATFORM, "docker-native"], workloads={"http": http})
    cell = CellName("docker-native", "http", 3, LoadPoint("r50pc"))
    needed = inputs.cell_inputs(specs, cell)
    assert needed["reach"] == f"results/cells/{PLATFORM}/http/d1/c8.json"
    assert "reach" not in inputs.cell_inputs(specs, cell._replace(load_point=LoadPoint("c8")))
    assert specs.cell(**cell._asdict()).connections == 8


def test_the_last_look_is_the_first_at_which_no_level_continues(workload, read_look):
    assert inputs.last_look(PLATFORM, workload, read_look).deployment == 10
    assert read_look.read == [8, 9, 10]
    file = inputs.last_look_file(PLATFORM, workload, read_look)
    assert file == f"results/stopping/{PLATFORM}/http/d10.json"


def test_each_level_has_the_cells_that_the_looks_requested(workload, read_look):
    assert inputs.sequential_cells(PLATFORM, workload, read_look) == [
        *cells(1, range(1, 9)),
        *cells(5, range(1, 11)),
    ]


@pytest.fixture
def look_spec(specs_of):
    """Return a function that makes the spec of the look after a deployment."""
    section = {"concurrency": [1, 5], "repetitions": RULE}
    specs = specs_of([PLATFORM], workloads={"http": section})
    return lambda number: specs.interim_look(platform=PLATFORM, workload="http", deployment=number)


def test_the_first_look_needs_all_cells_so_far(look_spec, read_look):
    found = inputs.look_inputs(look_spec(8), read_look)
    assert set(found) == {"cells"}
    assert sorted(found["cells"]) == sorted([*cells(1, range(1, 9)), *cells(5, range(1, 9))])
    assert read_look.read == []


def test_a_later_look_needs_the_previous_one_and_the_cells_that_it_requested(look_spec, read_look):
    assert inputs.look_inputs(look_spec(9), read_look) == {
        "cells": cells(5, [9]),
        "previous": f"results/stopping/{PLATFORM}/http/d8.json",
    }


def test_after_a_failed_run_the_inputs_are_the_cells_that_exist(resolved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = make_plan(resolved([PLATFORM], workloads={"startup": None}))
    files = [inputs.cell_file(cell) for cell in plan.cells()]
    assert inputs.measured_cells(plan) == []
    (tmp_path / files[1]).parent.mkdir(parents=True)
    (tmp_path / files[1]).touch()
    assert inputs.measured_cells(plan) == [files[1]]
