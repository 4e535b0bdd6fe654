# SPDX-License-Identifier: Apache-2.0
"""After a change exactly the cells that it invalidates are measured again, and no other."""

import json
import os
import re
import shutil
from base64 import urlsafe_b64encode

import pytest
import yaml

from builders import ran
from featherbench.records.tables import ANALYSIS, REPLICATION, table_file

ALL = {f"fake-native/http/d{d}/c{c}" for d in (1, 2) for c in (1, 2)}
SAMPLES = ("results/tables/samples.parquet", "results/tables/samples.csv")
DOWNSTREAM = {*SAMPLES, "results/report.html", *map(table_file, (*ANALYSIS, *REPLICATION))}


@pytest.fixture
def driver(finished):
    return finished.folder / "plugins/technologies/fake.py"


def test_a_finished_run_has_nothing_to_do(finished):
    output = finished.snakemake("all")
    assert "Nothing to be done" in output
    # Without the profile an interrupted run could not be taken up again without more flags.
    assert "workflow specific profile" in output


def test_a_deleted_cell_is_measured_and_no_other(finished):
    before = finished.content()
    gone = "fake-native/http/d1/c2"
    finished.cells()[gone].unlink()
    pending = finished.pending()
    assert finished.cells_among(pending) == {gone}
    assert pending >= DOWNSTREAM
    finished.measure(*ALL, arguments=SAMPLES)
    after = finished.content()
    assert {name for name in ALL if after[name] != before[name]} == {gone}
    assert not finished.pending() & {*SAMPLES, *finished.cell_files(ALL)}


def test_a_cell_that_a_killed_run_had_written_is_not_measured_again(finished):
    """Its file tells of what it was measured; Snakemake believes that the job was not finished."""
    name, file = next(iter(finished.cells().items()))
    record = urlsafe_b64encode(f"results/cells/{name}.json".encode()).decode()
    state, before = finished.folder / ".snakemake", file.read_bytes()
    (state / "metadata" / record).unlink()
    (state / "incomplete" / record).write_text('{"external_jobid": null}')
    file.write_bytes(before.replace(b'"window_s": 0.2', b'"window_s": 0.3'))
    assert "forced:\n        measure\n" in finished.snakemake("--dry-run", "all")
    file.write_bytes(before)
    assert "Nothing to be done" in finished.measure(name)
    assert not (state / "incomplete" / record).exists()
    finished.config["workloads"]["http"]["settings"]["window_s"] = 0.3
    assert finished.pending_cells() == ALL


def test_an_added_level_is_measured_and_no_other(finished):
    before = finished.content()
    finished.config["workloads"]["http"]["concurrency"].append(3)
    new = {f"fake-native/http/d{d}/c3" for d in (1, 2)}
    assert finished.pending_cells() == new
    finished.measure(*new)
    after = finished.content()
    assert set(after) == ALL | new
    assert all(after[name] == before[name] for name in ALL)


def test_an_added_share_of_the_baselines_rate_follows_the_cell_that_shows_the_rate(finished):
    http = finished.config["workloads"]["http"]
    http |= {"rate_percent": [10], "rate_connections": 2, "load_generator": "featherbench"}
    new = {f"fake-native/http/d{d}/r10pc" for d in (1, 2)}
    assert finished.pending_cells() >= new
    finished.measure(*ALL, *new)
    cells = {name: json.loads(path.read_text()) for name, path in finished.cells().items()}
    (reached,) = (window["value"] for window in cells["fake-native/http/d1/c2"]["windows"])
    for name in new:
        (window,) = cells[name]["windows"]
        assert window["metric"] == "http_open_latency_p99"
        assert window["notes"]["rate_per_s"] == pytest.approx(reached / 10)
    shows = "fake-native/http/d1/c2"
    finished.cells()[shows].unlink()
    assert finished.pending_cells() == {shows, *new}


def test_an_added_deployment_is_measured_and_no_other(finished):
    finished.config["workloads"]["http"]["repetitions"]["deployments"] = 3
    assert finished.pending_cells() == {"fake-native/http/d3/c1", "fake-native/http/d3/c2"}


def test_a_removed_level_measures_nothing_but_changes_the_tables(finished):
    finished.config["workloads"]["http"]["concurrency"] = [1]
    pending = finished.pending()
    assert finished.cells_among(pending) == set()
    assert pending >= DOWNSTREAM


@pytest.fixture
def two_platforms(finished):
    """The finished project with a second fake platform."""
    platforms = finished.folder / "plugins/technologies"
    for file in list(platforms.glob("fake*")):
        shutil.copy(file, platforms / file.name.replace("fake", "twin", 1))
    finished.config["platforms"] = ["fake-native", "twin-native"]
    return finished


TWIN = {name.replace("fake", "twin") for name in ALL}


def test_an_added_platform_is_measured_and_no_other(two_platforms):
    before = two_platforms.content()
    assert two_platforms.pending_cells() == TWIN
    new = "twin-native/http/d1/c1"
    two_platforms.measure(new)
    after = two_platforms.content()
    assert all(after[name] == before[name] for name in ALL)
    assert set(after) == ALL | {new}

    two_platforms.config["platforms"][1] = {"name": "twin-native", "settings": {"delay_ms": 1}}
    assert two_platforms.pending_cells() == TWIN, "a parameter of one platform is its own"

    two_platforms.config["platforms"] = ["twin-native", "fake-native"]
    pending = two_platforms.pending_cells()
    assert pending == TWIN - {new}, "the order of platforms is no fact of a cell"


def test_an_edited_driver_measures_its_cells(finished, driver):
    driver.write_text(driver.read_text() + "\nEDITED = True\n")
    assert finished.pending_cells() == ALL


def test_comments_and_docstrings_measure_nothing(finished, driver):
    """Nor do comments in the configuration, and the order of its keys."""
    text = driver.read_text()
    docstring = "class Technology(technology.Technology[Settings]):\n"
    assert docstring in text
    driver.write_text(text.replace(docstring, f'{docstring}    """New."""\n') + "\n# A comment.\n")
    reordered = yaml.safe_dump(dict(reversed(finished.config.items())), sort_keys=False)
    (finished.folder / "config.yaml").write_text(f"# A comment.\n{reordered}")
    assert "Nothing to be done" in finished.snakemake("all")


def test_touched_files_measure_nothing(finished):
    for path in finished.folder.rglob("*"):
        if path.suffix in {".py", ".yaml", ".digest", ".json"} and path.is_file():
            os.utime(path)
    assert finished.pending_cells() == set()


@pytest.mark.parametrize(
    ("setting", "is_in_image"), [({"file_bytes": 2000}, True), ({"window_s": 0.3}, False)]
)
def test_a_changed_setting_measures_the_cells_and_builds_only_what_it_is_in(
    finished, setting, is_in_image
):
    finished.config["workloads"]["http"]["settings"] |= setting
    pending = finished.pending()
    assert ("results/images/fake/http.digest" in pending) == is_in_image
    assert finished.cells_among(pending) == ALL


def test_a_job_gets_its_spec_as_a_file_that_its_cell_records(finished):
    for name, file in finished.cells().items():
        spec = json.loads((finished.folder / f"results/specs/measure/{name}.json").read_text())
        assert json.loads(file.read_text())["spec"] == spec


def test_without_the_files_of_the_specs_nothing_is_measured_again(finished):
    shutil.rmtree(finished.folder / "results/specs")
    assert finished.pending() == set()
    gone = "fake-native/http/d1/c2"
    finished.cells()[gone].unlink()
    finished.measure(gone)
    assert (finished.folder / f"results/specs/measure/{gone}.json").exists()


def test_a_dry_run_writes_nothing_among_the_results(project):
    output = project.snakemake("--dry-run", "all")
    assert "measure" in output
    assert not (project.folder / "results").exists()


def test_where_numbers_are_fixed_there_are_no_interim_looks(finished):
    assert not (finished.folder / "results/stopping").exists()
    assert "interim_look" not in finished.snakemake("--rulegraph", "dot", "--quiet", "all")


def test_the_command_line_changes_nested_keys_of_the_default_file(project):
    project.write_config()
    (project.folder / "config").mkdir()
    (project.folder / "config.yaml").rename(project.folder / "config/config.yaml")
    repetitions = "workloads={http: {repetitions: {deployments: 5}}}"
    command = project.command("--summary", "--quiet", "all", "--config", "seed=7", repetitions)
    place = command.index("--configfile")
    del command[place : place + 2]
    done = ran(*command, env=project.environment, check=True)
    assert set(re.findall(r"http/d(\d)/c1\.json", done.stdout + done.stderr)) == set("12345")
