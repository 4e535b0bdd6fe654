# SPDX-License-Identifier: Apache-2.0
"""What happens when a run ends."""

import os
from functools import partial

import pytest

from featherbench.errors import CommandError, TestbedError
from featherbench.jobs import run_end
from featherbench.jobs.run_end import NestedRun
from featherbench.system.processes import Process, ourselves
from featherbench.testbed import cleanup, reservation
from featherbench.testbed.state import STATE_VARIABLE, current_state

NESTED = NestedRun("S")


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

        monkeypatch.setattr(run_end.subprocesses, "run", run)
        monkeypatch.setattr(run_end, "release_testbed", lambda: commands.append("release"))
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
    (folder / "results").mkdir()
    (folder / "results/report.html").touch()  # of an earlier run
    (*commands, last), printed = ended(run_end.succeed, outputs)
    assert ["--report" in command for command in commands] == [True] * (
        "results/report.html" in outputs
    )
    assert last == "release"
    assert printed == f"featherbench: done{opened}\n"


def test_a_run_that_fails_makes_the_report_of_what_was_measured(ended):
    (command, last), printed = ended(run_end.fail, measured=True)
    assert last == "release"
    assert command[-2:] == ["--", "results/report.html"]
    assert "measure" not in command
    assert "shows what was measured, and what failed" in printed


def test_a_run_on_published_data_alone_makes_no_report_of_measurements(ended):
    assert ended(run_end.fail, measured=False) == (["release"], "")


ENDS = [
    partial(run_end.succeed, outputs=["results/report.html"]),
    partial(run_end.fail, measured=True),
]


@pytest.mark.parametrize("hook", ENDS)
def test_a_report_that_cannot_be_made_is_a_message(ended, hook):
    error = CommandError(["snakemake"], "ended with status 1")
    assert "could " in ended(hook, error=error)[1]


@pytest.mark.parametrize("hook", ENDS)
def test_ctrl_c_once_more_is_a_message(ended, hook):
    assert "featherbench: interrupted; " in ended(hook, error=KeyboardInterrupt())[1]


def test_what_is_done_after_the_first_ctrl_c_is_said_before(ended):
    said = ended(run_end.fail, measured=True)[1]
    assert said.startswith("featherbench: stopping, and making a report")


def test_where_the_guard_has_died_the_run_cleans_up_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv(reservation.WORKFLOW_VARIABLE, str(os.getpid()))
    monkeypatch.setattr(cleanup, "remove_leftovers", lambda *_: left)
    state = current_state()
    guard = Process(pid=2**22 - 1, started_ticks=1)
    record = {"guard": guard, "cwd": "/", "since_utc": "", "plugins": ()}
    left = [cleanup.CleanupResult(name="a thing", failure="it clings")]
    reservation.Owner(workflow=guard, **record).write(state.owner)
    run_end.succeed(NESTED, [])
    assert state.owner.exists()  # of another run
    reservation.Owner(workflow=ourselves(), **record).write(state.owner)
    run_end.succeed(NESTED, [])
    assert not state.owner.exists()
    said = capsys.readouterr().out
    assert "guard has died" in said
    assert "a thing could not be removed: it clings" in said


def test_a_testbed_that_cannot_be_released_is_a_message(monkeypatch, capsys):
    def fail():
        raise TestbedError("the guard does not end", remedy="see its log")

    monkeypatch.setattr(run_end, "release_testbed", fail)
    run_end.succeed(NESTED, [])
    assert "the guard does not end" in capsys.readouterr().out
