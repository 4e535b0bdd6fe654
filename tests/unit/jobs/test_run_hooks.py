# SPDX-License-Identifier: Apache-2.0
"""What happens when a run begins and ends."""

import itertools
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import builders
from featherbench.config.loading import load_config
from featherbench.config.models import Config
from featherbench.errors import CommandError, DeadlineError, FeatherbenchError, TestbedError
from featherbench.jobs import progress, run_hooks
from featherbench.jobs.run_hooks import NeededJob, NestedRun
from featherbench.planning.inputs import cell_file
from featherbench.planning.job_specs import JobSpecs, spec_json
from featherbench.planning.plan import PLAN_VARIABLE, frozen_plan, make_plan
from featherbench.planning.resolve import resolve
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.plan import CellName, StoppingRule
from featherbench.records.requirement import MissingRequirement
from featherbench.system.processes import Process, identity_of, ourselves
from featherbench.testbed import cleanup, reservation
from featherbench.testbed.lock import try_lock
from featherbench.testbed.state import STATE_VARIABLE, current_state

RULE = StoppingRule(precision=0.02, least=8, most=10, budget_s=None)
PLAN = builders.plan(
    builders.planned_workload("http", deployments=10, until=RULE),
    builders.planned_workload("startup", deployments=2),
)
FIXED = CellName("a-native", "startup", 2, 1)


class Specs:
    """Job specs that depend on nothing but the cell."""

    def cell(self, **names):
        return SimpleNamespace(model_dump=lambda **_: names)

    def testbed_of(self, _platform):
        return TestbedSpec(client="loopback", container_subnet="", guest_subnet="")

    def nominal_duration_s(self, workload, _platform):
        return {"http": 5.0, "startup": 2.0}[workload]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def http(deployment):
    return CellName("a-native", "http", deployment, 1)


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
    return run_hooks.begin(PLAN, Specs(), jobs, outputs)


def test_a_folder_that_apt_cannot_handle_is_refused(tmp_path, monkeypatch):
    (tmp_path / "it's a bench").mkdir()
    monkeypatch.chdir(tmp_path / "it's a bench")
    run_hooks.require_usable_folder()
    Path('the "bench"').mkdir()
    monkeypatch.chdir('the "bench"')
    with pytest.raises(FeatherbenchError, match="double quote"):
        run_hooks.require_usable_folder()


@pytest.mark.parametrize("made", ["", ".snakemake", ".snakemake/shadow"])
def test_a_folder_where_snakemake_cannot_write_is_refused(folder, monkeypatch, made):
    (folder / made).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused = pytest.raises(PermissionError, match="snakemake")
    with nullcontext() if made.endswith("shadow") else refused:
        run_hooks.require_usable_folder()


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
    current = {"platform": "a-native", "workload": "http", "deployment": 9, "concurrency": 1}
    write(folder / cell_file(http(9)), json.dumps({"spec": current}))
    write(folder / cell_file(http(10)), json.dumps({"spec": {**current, "deployment": 99}}))
    for number, damaged in enumerate(["", '{"spec": {', "[]", "{}", "\0"], start=1):
        write(folder / cell_file(http(number)), damaged)
    possible = run_hooks.possible_cells(PLAN, Specs(), [look(8)], set())
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


NESTED = NestedRun("S")


@pytest.mark.parametrize("file", ["config", "paper"])
def test_what_a_run_began_with_is_all_that_snakemake_within_it_needs(
    tmp_path, monkeypatch, repository, file
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PLAN_VARIABLE, "")
    assert frozen_plan() is None
    config = load_config(repository / f"config/{file}.yaml")
    resolved = resolve(config, file="config.yaml")
    run_hooks.freeze(plan := make_plan(resolved))
    assert frozen_plan() == plan
    again = resolve(Config.model_validate(plan.config), file=plan.config_file)
    assert again.config == config
    for cell in itertools.islice(plan.cells(), 50):
        specs = (JobSpecs(one, plan).cell(**cell._asdict()) for one in (resolved, again))
        assert len(set(map(spec_json, specs))) == 1


@pytest.fixture
def ended(tmp_path, monkeypatch, capsys):
    """End a run; return the nested commands and what was printed."""
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))

    def end(hook, *arguments, error=None, **options):
        commands = []

        def run(argv, **_options):
            commands.append(argv)
            if error:
                raise error

        monkeypatch.setattr(run_hooks.subprocesses, "run", run)
        monkeypatch.setattr(run_hooks, "release_testbed", lambda: commands.append("release"))
        hook(NESTED, *arguments, **options)
        return commands, capsys.readouterr().out

    return end


@pytest.mark.parametrize(
    ("outputs", "opened"),
    [
        (["results/cells/p/w/d1/c1.json"], ""),
        (["results/plan.json"], ""),
        (["results/report.html", "results/plan.json"], "; open results/report.html"),
        (["results/paper/report.html"], "; open results/paper/report.html"),
        (
            ["results/paper/report.html", "results/report.html"],
            "; open results/report.html and results/paper/report.html",
        ),
    ],
)
def test_a_run_that_succeeds_names_the_reports_that_it_was_asked_for(
    ended, folder, outputs, opened
):
    write(folder / "results/report.html")  # of an earlier run
    (*commands, last), printed = ended(run_hooks.succeed, outputs)
    assert ["--report" in command for command in commands] == [True] * (
        "results/report.html" in outputs
    )
    assert last == "release"
    assert printed == f"featherbench: done{opened}\n"


def test_a_run_that_fails_makes_the_report_of_what_was_measured(ended):
    (command, last), printed = ended(run_hooks.fail, measured=True)
    assert last == "release"
    assert command[-2:] == ["--", "results/report.html"]
    assert "measure" not in command
    assert "shows what was measured, and what failed" in printed


def test_a_run_on_published_data_alone_makes_no_report_of_measurements(ended):
    assert ended(run_hooks.fail, measured=False) == (["release"], "")


ENDS = [
    partial(run_hooks.succeed, outputs=["results/report.html"]),
    partial(run_hooks.fail, measured=True),
]


@pytest.mark.parametrize("hook", ENDS)
def test_a_report_that_cannot_be_made_is_a_message(ended, hook):
    error = CommandError(["snakemake"], "ended with status 1")
    assert "could " in ended(hook, error=error)[1]


@pytest.mark.parametrize("hook", ENDS)
def test_ctrl_c_once_more_is_a_message(ended, hook):
    assert "featherbench: interrupted; " in ended(hook, error=KeyboardInterrupt())[1]


def test_what_is_done_after_the_first_ctrl_c_is_said_before(ended):
    said = ended(run_hooks.fail, measured=True)[1]
    assert said.startswith("featherbench: stopping, and making a report")


def test_ctrl_c_has_no_traceback_and_a_fault_has(capsys):
    run_hooks.show_exception(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "featherbench: interrupted\n"
    run_hooks.show_exception(KeyError, KeyError("x"), None)
    assert "KeyError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", ".snakemake"), "--directory FOLDER"),
        (OSError(30, "Read-only file system", ".snakemake"), "--directory FOLDER"),
        (OSError(28, "No space left on device", "results"), "make room"),
        (TestbedError("it is broken", remedy="mend it"), "remedy: mend it"),
    ],
)
def test_what_a_user_can_mend_is_one_message(error, expected):
    def fail():
        raise error

    with pytest.raises(SystemExit, match="featherbench: ") as raised:
        run_hooks.or_exit(fail)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-n", "all"], True),
        (["--dry-run"], True),
        (["--dryrun"], True),
        (["-np"], True),
        (["--cores", "1", "all"], False),
        (["--nolock", "-s", "name"], False),
    ],
)
def test_a_dry_run_is_told_by_its_option(arguments, expected):
    assert run_hooks.is_dry_run(arguments) == expected


LACKING = builders.plan(
    builders.planned_workload("http", deployments=1),
    platforms=[
        builders.planned_platform(
            "a-native",
            missing_requirements=(MissingRequirement(what="no root", remedy="use sudo"),),
        )
    ],
)


def test_a_run_that_can_measure_nothing_says_why_and_fails(capsys):
    with pytest.raises(SystemExit, match="nothing can be measured") as raised:
        run_hooks.refuse_empty(LACKING, dry_run=False)
    assert "a-native: no root\n    remedy: use sudo" in str(raised.value)
    assert run_hooks.refuse_empty(LACKING, dry_run=True) == []
    assert run_hooks.refuse_empty(LACKING, dry_run=True) == []
    assert capsys.readouterr().err.count("nothing can be measured") == 1


@pytest.mark.parametrize("content", ["", '{"a', "\0\0", "[1]", "{}"])
def test_damaged_records_that_jobs_make_again_are_removed_with_a_line(folder, capsys, content):
    names = ("deployments/p/w/d1", "warmups/p/w/d1", "stopping/p/w/d1", "plan", "machine")
    files = [folder / "results" / f"{name}.json" for name in names]
    kept = folder / "results/cells/p/w/d1/c1.json"
    for file in (*files, kept):
        write(file, content)
    PLAN.write(folder / "results/plan.json")
    run_hooks.drop_damaged_files()
    remaining = list((folder / "results").rglob("*.json"))
    assert sorted(remaining) == sorted([kept, folder / "results/plan.json"])
    said = capsys.readouterr().out
    assert said.count(": it is made again\n") == 4
    assert "results/deployments/p/w/d1.json cannot be read" in said


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("tables/samples.parquet", b"PAR1\0\0PAR1"),
        ("tables/summary.csv", b"platform,mean\na,1\n"),
        ("paper/tables/claims.csv", b"claim\n"),
        ("figures/http.svg", b"<svg></svg>\n"),
        ("paper/figures/figure1.png", b"\x89PNG\r\nIEND\xaeB`\x82"),
        ("rulegraph.svg", b"<svg></svg>\n"),
    ],
)
def test_truncated_tables_and_figures_are_removed_with_a_line(folder, capsys, name, whole):
    file = folder / "results" / name
    file.parent.mkdir(parents=True)
    for content in (b"", whole[:1], whole[:-1]):
        file.write_bytes(content)
        run_hooks.drop_damaged_files()
        assert not file.exists()
        assert capsys.readouterr().out == (
            f"featherbench: results/{name} is truncated: it is made again\n"
        )
    file.write_bytes(whole)
    run_hooks.drop_damaged_files()
    assert file.exists()


def test_where_the_guard_has_died_the_run_cleans_up_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv(reservation.WORKFLOW_VARIABLE, str(os.getpid()))
    monkeypatch.setattr(cleanup, "remove_leftovers", lambda *_: left)
    state = current_state()
    guard = Process(pid=2**22 - 1, started_ticks=1)
    record = {"guard": guard, "cwd": "/", "since_utc": "", "plugins": ()}
    left = [cleanup.CleanupResult(name="a thing", failure="it clings")]
    reservation.Owner(workflow=guard, **record).write(state.owner)
    run_hooks.succeed(NESTED, [])
    assert state.owner.exists()  # of another run
    reservation.Owner(workflow=ourselves(), **record).write(state.owner)
    run_hooks.succeed(NESTED, [])
    assert not state.owner.exists()
    said = capsys.readouterr().out
    assert "guard has died" in said
    assert "a thing could not be removed: it clings" in said


def test_a_testbed_that_cannot_be_released_is_a_message(monkeypatch, capsys):
    def fail():
        raise TestbedError("the guard does not end", remedy="see its log")

    monkeypatch.setattr(run_hooks, "release_testbed", fail)
    run_hooks.succeed(NESTED, [])
    assert "the guard does not end" in capsys.readouterr().out


@pytest.fixture
def lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".snakemake/locks/0.input.lock"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def note(process):
    identity_of(process.pid).write(run_hooks.TAKERS / f"{process.pid}.json")


@pytest.mark.parametrize("content", [None, "", "{", "\0"])
def test_the_lock_of_a_killed_run_is_dropped(lock, other, content):
    note(other)
    if content is not None:
        (run_hooks.TAKERS / f"{other.pid}.json").write_text(content)
    other.kill()
    other.wait()
    run_hooks.drop_stale_lock()
    assert not lock.exists()
    assert [record.stem for record in run_hooks.TAKERS.iterdir()] == [str(os.getpid())]


@pytest.mark.parametrize("content", [None, "", "{", "\0"])
def test_the_lock_of_a_living_run_stays(lock, other, content):
    note(other)
    if content is not None:
        (run_hooks.TAKERS / f"{other.pid}.json").write_text(content)
    run_hooks.drop_stale_lock()
    assert lock.exists()


def test_only_one_at_a_time_looks_whose_it_is(lock, other, monkeypatch):
    note(other)
    other.kill()
    other.wait()
    monkeypatch.setattr(run_hooks, "OURS_WITHIN_S", 0.1)
    looking = try_lock(run_hooks.OUR_LOCK)
    with pytest.raises(DeadlineError):
        run_hooks.drop_stale_lock()
    assert lock.exists()
    looking.release()
    run_hooks.drop_stale_lock()
    assert not lock.exists()
    assert not run_hooks.OUR_LOCK.exists()


def test_a_lock_of_nobody_we_know_stays(lock):
    run_hooks.drop_stale_lock()
    assert lock.exists()


@pytest.mark.parametrize(
    ("arguments", "nothing"),
    [
        (["--cores", "1", "all"], False),
        (["--cores", "1"], False),
        (["--cores", "1", "--configfile", "config/paper.yaml"], False),
        (["-n"], True),
        (["--cores", "1", "paper"], True),
        (["--unlock"], True),
        (["--rulegraph", "dot"], True),
    ],
)
def test_platforms_are_tried_only_where_something_may_be_measured(arguments, nothing):
    assert run_hooks.tries_nothing(arguments) is nothing
