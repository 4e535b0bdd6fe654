# SPDX-License-Identifier: Apache-2.0
"""What happens when a run begins."""

import itertools
import json
from types import SimpleNamespace

import pytest

import builders
from featherbench.config.loading import load_config
from featherbench.config.models import Config
from featherbench.jobs import progress, run_begin
from featherbench.jobs.run_begin import NeededJob
from featherbench.planning.inputs import cell_file
from featherbench.planning.job_specs import JobSpecs, spec_json
from featherbench.planning.plan import PLAN_VARIABLE, frozen_plan, make_plan
from featherbench.planning.resolve import resolve
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.plan import CellName, StoppingRule

RULE = StoppingRule(precision=0.02, least=8, most=10, budget_s=None)


PLAN = builders.plan(
    builders.planned_workload("http", deployments=10, until=RULE),
    builders.planned_workload("startup", deployments=2),
)


FIXED = CellName("a-native", "startup", 2, "c1")


class Specs:
    """Job specs that depend on nothing but the cell."""

    def cell(self, **names):
        return SimpleNamespace(model_dump=lambda **_: names)

    def testbed_of(self, _platform):
        return TestbedSpec(client="loopback", container_subnet="", guest_subnet="")

    def nominal_duration_s(self, workload, _platform):
        return {"http": 5.0, "startup": 2.0}[workload]


def http(deployment):
    return CellName("a-native", "http", deployment, "c1")


def measure(cell):
    wildcards = {key: str(value) for key, value in cell._asdict().items()}
    return NeededJob("measure", wildcards, [cell_file(cell)])


def look(deployment):
    wildcards = {"platform": "a-native", "workload": "http", "deployment": str(deployment)}
    return NeededJob(
        "interim_look", wildcards, [f"results/stopping/a-native/http/d{deployment}.json"]
    )


def write(file, content="{}"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def begin(*jobs):
    outputs = {file for job in jobs for file in job.outputs}
    return run_begin.begin(PLAN, Specs(), jobs, outputs)


def test_the_cells_of_a_run_are_counted_and_their_old_files_removed(folder):
    write(folder / cell_file(FIXED))
    assert begin(measure(FIXED), NeededJob("report", {}, ["results/report.html"]))
    assert not (folder / cell_file(FIXED)).exists()
    counted = progress.Progress.read(progress.FILE)
    assert (counted.expected_s, counted.at_most) == ({"a-native/startup/d2/c1": 2.0}, False)


def test_a_run_that_measures_nothing_counts_nothing(folder):
    assert not begin(NeededJob("report", {}, ["results/report.html"]))
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_cells_that_a_look_may_request_are_counted_as_at_most():
    assert begin(*(measure(http(number)) for number in range(1, 9)), look(8))
    counted = progress.Progress.read(progress.FILE)
    assert counted.at_most
    assert set(counted.expected_s) == {str(http(number)) for number in range(1, 11)}


def test_a_possible_cell_that_is_current_stays_and_is_not_counted(folder):
    current = {"platform": "a-native", "workload": "http", "deployment": 9, "load_point": "c1"}
    write(folder / cell_file(http(9)), json.dumps({"spec": current}))
    write(folder / cell_file(http(10)), json.dumps({"spec": {**current, "deployment": 99}}))
    for number, damaged in enumerate(["", '{"spec": {', "[]", "{}", "\0"], start=1):
        write(folder / cell_file(http(number)), damaged)
    possible = run_begin.possible_cells(PLAN, Specs(), [look(8)], set())
    assert set(map(http, range(1, 6))) <= set(possible)
    assert http(9) not in possible
    assert http(10) in possible
    begin(look(8))
    assert (folder / cell_file(http(9))).exists()
    assert not (folder / cell_file(http(10))).exists()


def test_a_repeated_look_removes_the_later_ones_that_rest_on_it(folder):
    looks = folder / "results/stopping/a-native/http"
    for number in (8, 9, 10):
        write(looks / f"d{number}.json")
    begin(look(9))
    assert [file.name for file in looks.iterdir()] == ["d8.json"]


@pytest.mark.parametrize("file", ["config", "paper"])
def test_what_a_run_began_with_is_all_that_snakemake_within_it_needs(
    tmp_path, monkeypatch, repository, file
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PLAN_VARIABLE, "")
    assert frozen_plan() is None
    config = load_config(repository / f"config/{file}.yaml")
    resolved = resolve(config, file="config.yaml")
    run_begin.freeze(plan := make_plan(resolved))
    assert frozen_plan() == plan
    again = resolve(Config.model_validate(plan.config), file=plan.config_file)
    assert again.config == config
    for cell in itertools.islice(plan.cells(), 50):
        specs = (JobSpecs(one, plan).cell(**cell._asdict()) for one in (resolved, again))
        assert len(set(map(spec_json, specs))) == 1
