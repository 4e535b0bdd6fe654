# SPDX-License-Identifier: Apache-2.0
"""A job that fails leaves a record and one message; one that succeeds removes the record."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from featherbench.errors import ImageError, WorkflowGoneError
from featherbench.jobs import job_runner
from featherbench.paths import SCRIPTS
from featherbench.records.cell import Failure
from featherbench.testbed import reservation

JOB = "measure/a-native/http/d1/c1"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a job that raises an error, or none."""
    monkeypatch.setattr(job_runner, "FAILURES", tmp_path / "failures")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def make(error=None):
        def main():
            if error:
                raise error

        return job_runner.status_of(main, log=tmp_path / "logs" / "job.log", job=JOB)

    yield make
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def record(tmp_path):
    return tmp_path / "failures" / f"{JOB}.json"


def test_a_job_that_succeeds_prints_nothing_and_removes_the_record(run, record, capsys):
    record.parent.mkdir(parents=True)
    record.touch()
    assert run() == 0
    assert not record.exists()
    assert capsys.readouterr() == ("", "")


def test_an_error_is_recorded_and_shown_with_its_remedy(run, record, capsys):
    assert run(ImageError("it is gone", remedy="build it")) == 1
    failure = Failure.read(record)
    assert (failure.job, failure.kind) == (JOB, "ImageError")
    assert (failure.message, failure.remedy) == ("it is gone", "build it")
    shown = capsys.readouterr().err
    assert shown.startswith(f"featherbench: {JOB} failed: it is gone\n  remedy: build it\n  log: ")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), ("OSError", "make room on the disk")),
        (PermissionError(13, "Permission denied"), ("OSError", "--directory FOLDER")),
        (KeyError("x"), ("Fault", "this is a fault of featherbench")),
    ],
)
def test_other_errors_say_what_to_do_and_the_log_has_the_traceback(
    run, record, capsys, error, expected
):
    assert run(error) == 1
    failure = Failure.read(record)
    kind, remedy = expected
    assert failure.kind == kind
    assert remedy in failure.remedy
    assert "Traceback" in Path(failure.log).read_text()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("run")
def test_a_part_that_fails_costs_neither_its_job_nor_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder, log = Path(job_runner.JOBS_OF_PARTS["plot"]), tmp_path / "logs" / "job.log"
    stale = tmp_path / "failures/plot/gone.json"

    def make(name):
        (folder / f"{name}.svg").write_text(str(1 / (name != "bad")))

    def draw():
        job_runner.make_parts(
            {name: name for name in ("first", "bad", "last")},
            make,
            lambda name, reason: (folder / f"{name}.svg").write_text(reason),
            log=log,
            job="plot",
        )

    folder.mkdir(parents=True)
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert job_runner.status_of(draw, log=log, job="plot") == 0
    said = {file.stem: file.read_text() for file in folder.iterdir()}
    assert said == {"first": "1.0", "bad": "ZeroDivisionError: division by zero", "last": "1.0"}
    (failed,) = stale.parent.iterdir()
    assert Failure.read(failed).job == "plot/bad"
    assert "Traceback" in log.read_text()
    with pytest.raises(SystemExit, match="1"):
        job_runner.end_with_failed_parts()
    assert "could not be made: plot/bad; the report" in capsys.readouterr().err
    assert {file.stem for file in folder.iterdir()} == {"first", "last"}, "the next run tries again"

    def full(_name):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        job_runner.make_parts({"a": "a"}, full, lambda *_: None, log=log, job="plot")
    job_runner.end_with_failed_parts()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), WorkflowGoneError("pid 1 is gone")])
def test_an_interrupted_job_is_no_failure(run, record, error):
    assert run(error) == 130
    assert not record.exists()


def test_a_rule_graph_that_cannot_be_drawn_costs_no_report(tmp_path):
    options = ["--snakefile", "nowhere", "--output", "results/rulegraph.svg"]
    script = [sys.executable, SCRIPTS / "rulegraph.py", *options, "--log", "log"]
    done = subprocess.run([*script, "--job", "rulegraph"], cwd=tmp_path, check=True)
    assert done.returncode == 0
    drawn = (tmp_path / "results/rulegraph.svg").read_text()
    assert "could not be drawn: `" in drawn
    assert drawn.endswith("</svg>\n")
    assert Failure.read(tmp_path / "results/failures/rulegraph/rulegraph.json").remedy == ""


SCRIPT = """
import time
print("importing", flush=True)
time.sleep(0.3)
from pathlib import Path
from featherbench.files import open_atomic
from featherbench.jobs import job_runner

def main(output: Path) -> None:
    with open_atomic(output) as file:
        file.write(b"half")
        print("begun", flush=True)
        time.sleep(60)

job_runner.run(main)
"""


@pytest.mark.parametrize("amid", ["importing", "begun"])
@pytest.mark.parametrize("which", ["the workflow", signal.SIGINT, signal.SIGTERM])
def test_a_job_ends_with_its_workflow_or_by_a_signal(tmp_path, which, amid):
    """It says so in one line, and leaves no half file."""
    workflow = subprocess.Popen(["sleep", "60"])
    options = ["--output", tmp_path / "results/table.csv", "--log", tmp_path / "log", "--job", "j"]
    job = subprocess.Popen(
        [*job_runner.PYTHON, "-c", SCRIPT, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {reservation.WORKFLOW_VARIABLE: str(workflow.pid)},
    )
    while job.stdout.readline() != f"{amid}\n":
        assert job.poll() is None
    if which == "the workflow":
        workflow.kill()
    else:
        job.send_signal(which)
    assert job.communicate(timeout=20)[1].startswith("featherbench: j: interrupted")
    assert job.returncode == job_runner.INTERRUPTED
    assert list(tmp_path.glob("results/*")) == []
    workflow.kill()
    workflow.wait()


@pytest.mark.usefixtures("run")
def test_the_options_are_the_parameters_of_the_job(tmp_path, monkeypatch):
    def main(results: Path, name: str, job: str, more: Sequence[Path] = (), at: Path | None = None):
        given.append((results, name, job, more, at))

    given, logged = [], ["--log", str(tmp_path / "log"), "--job", "plan"]
    for options in (["--results", "r", "--name", "n"], ["--name=n", "--results=r", "--more", "a"]):
        monkeypatch.setattr("sys.argv", ["x", *options, *logged])
        with pytest.raises(SystemExit, match="0"):
            job_runner.run(main)
    assert given == [
        (Path("r"), "n", "plan", (), None),
        (Path("r"), "n", "plan", [Path("a")], None),
    ]
