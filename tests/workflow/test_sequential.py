# SPDX-License-Identifier: Apache-2.0
"""Deployments are measured until the interval is narrow, and never again because of another rule.

The deployments of the workload `steady` differ by 2 %: an interval of ±2 % is reached at once, and
one of ±0.1 % never.
"""

import csv
import json
import signal

import pytest

from featherbench.system.polling import wait_until

pytestmark = pytest.mark.slow

ALWAYS, NEVER = 2, 0.1
LEAST, MOST = 8, 10
SAMPLES = "results/tables/samples.csv"


def measured(last):
    return {f"fake-native/steady/d{number}/c1" for number in range(1, last + 1)}


def ask(project, until, **more):
    rule = {"target_ci_percent": until, "min": LEAST, "max": MOST, "windows": 1}
    project.config["workloads"] = {"steady": {"repetitions": rule | more}}
    project.write_config()


def reasons(project):
    """Why each level stopped, by the first interim look at which none continues."""
    folder = project.folder / "results/stopping/fake-native/steady"
    for number in range(1, MOST + 1):
        file = folder / f"d{number}.json"
        look = json.loads(file.read_text()) if file.exists() else None
        if look and all(level["reason"] for level in look["levels"]):
            return [level["reason"] for level in look["levels"]]
    raise AssertionError(f"nothing was decided in {list(folder.glob('*'))}")


def analysed(project):
    with (project.folder / SAMPLES).open() as file:
        return {
            "{platform}/{workload}/d{deployment}/{load_point}".format_map(row)
            for row in csv.DictReader(file)
        }


@pytest.fixture(scope="module")
def narrow_template(tmp_path_factory, project_with, small):
    project = project_with(small, folder=tmp_path_factory.mktemp("narrow") / "project")
    ask(project, ALWAYS)
    project.output = project.snakemake("all")
    return project


@pytest.fixture
def narrow(narrow_template, tmp_path):
    """A project whose run stopped at the least number; a copy, so that each test may change it."""
    return narrow_template.copy(tmp_path / "project")


def test_a_narrow_series_stops_early_and_the_report_says_so(narrow_template):
    project = narrow_template
    assert set(project.cells()) == measured(LEAST)
    assert reasons(project) == ["narrow enough"]
    assert f"of at most {MOST}, up to about" in project.output
    assert f"stops after {LEAST} deployments: narrow enough" in project.output
    report = (project.folder / "results/report.html").read_text()
    assert "Deployments taken by sequential sampling" in report
    assert "narrow enough" in report
    assert analysed(project) == measured(LEAST)


def test_a_run_that_stopped_has_nothing_to_do(narrow):
    assert narrow.pending() == set()
    assert "Nothing to be done" in narrow.snakemake("all")


def test_another_rule_measures_only_what_is_missing_and_the_first_one_nothing(narrow):
    before = narrow.content()
    ask(narrow, NEVER)
    assert narrow.pending_cells() == set()
    output = narrow.snakemake(SAMPLES)
    assert f"cell 1 of at most {MOST - LEAST}, " in output
    after = narrow.content()
    assert set(after) == analysed(narrow) == measured(MOST)
    assert all(after[name] == content for name, content in before.items())
    assert reasons(narrow) == ["the maximum is reached"]

    ask(narrow, NEVER, max=9)
    narrow.snakemake(SAMPLES)
    assert narrow.content() == after
    assert analysed(narrow) == measured(9)

    ask(narrow, ALWAYS)
    output = narrow.snakemake(SAMPLES)
    assert "cell 1 of" not in output
    assert narrow.content() == after, "what is not needed now is ignored, not deleted"
    assert analysed(narrow) == measured(LEAST)


def test_a_deleted_cell_is_measured_and_no_other(narrow):
    before = narrow.content()
    gone = "fake-native/steady/d3/c1"
    narrow.cells()[gone].unlink()
    narrow.measure(gone)
    after = narrow.content()
    assert {name for name in measured(LEAST) if after[name] != before[name]} == {gone}


def test_an_interrupted_run_continues_where_it_was(narrow):
    before = narrow.content()
    ask(narrow, NEVER, max=MOST)
    run = narrow.start("all")
    beyond = f"fake-native/steady/d{LEAST + 1}/c1"
    wait_until(lambda: beyond in narrow.cells(), what="a cell beyond the first look", within_s=120)
    run.send_signal(signal.SIGINT)
    assert run.wait(240) != 0
    first = narrow.content()
    assert before.items() <= first.items()
    narrow.snakemake("all")
    assert first.items() <= narrow.content().items()
    assert set(narrow.cells()) == analysed(narrow) == measured(MOST)


def test_the_budget_holds_before_the_least_number(project):
    ask(project, NEVER, budget_s=0.001)
    project.snakemake(SAMPLES)
    assert set(project.cells()) == measured(1)
    assert reasons(project) == ["the budget has no room for another deployment"]


def test_a_platform_that_fails_does_not_stop_the_others(project):
    platforms = project.folder / "plugins/technologies"
    driver = (platforms / "fake.py").read_text().replace('NAME = "fake"', 'NAME = "twin"')
    broken = "    def build_image(self, request: BuildRequest) -> Image:\n"
    assert broken in driver
    fails = f'{broken}        raise ImageError("it cannot be built")\n'
    (platforms / "twin.py").write_text(driver.replace(broken, fails))
    project.config["platforms"] = ["fake-native", "twin-native"]
    ask(project, ALWAYS)
    project.snakemake("all", expect=1)
    assert set(project.cells()) == analysed(project) == measured(LEAST)
    assert reasons(project) == ["narrow enough"]
    report = (project.folder / "results/report.html").read_text()
    assert "not decided: the run ended, or a cell failed" in report
