# SPDX-License-Identifier: Apache-2.0
"""The end of a run: jobs that wait end, the testbed is released, and the report is made."""

import os
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from featherbench.errors import CommandError, FeatherbenchError
from featherbench.jobs import job_runner, progress
from featherbench.system import subprocesses
from featherbench.system.processes import command_line, send, with_variable
from featherbench.testbed import cleanup
from featherbench.testbed.reservation import (
    WORKFLOW_VARIABLE,
    Owner,
    current_owner,
    our_workflow,
    release_testbed,
)
from featherbench.testbed.state import State, current_state

PARTIAL_VARIABLE = "FEATHERBENCH_PARTIAL"
"""Set while a report is made of a run that failed: the cells that exist are then the inputs."""
REPORT_RULES = (
    *("plan", "aggregate", "analyze", "paper_comparison", "plot"),
    *("machine", "rulegraph", "report"),
)
REPORT, PAPERS_REPORT = "results/report.html", "results/paper/report.html"


@dataclass(frozen=True)
class NestedRun:
    """Snakemake within a run, which holds the folder's lock and has frozen its plan."""

    snakefile: str

    def run(self, *arguments: str) -> None:
        """Run it to its end. Raise CommandError if it fails."""
        snakemake = (sys.executable, "-m", "snakemake", "--snakefile", self.snakefile, "--nolock")
        subprocesses.run([*snakemake, *arguments], timeout_s=600, env={PARTIAL_VARIABLE: "1"})


def _measuring_workflow() -> Owner | None:
    """Return the other workflow that has the testbed, if there is one."""
    owner = current_owner(current_state())
    return owner if owner and owner.workflow != our_workflow() else None


def end_waiting_jobs_on_sigterm() -> None:
    """Have SIGTERM end a job that waits for another workflow; Snakemake lets all its jobs end."""
    snakemakes = signal.getsignal(signal.SIGTERM)

    def end_waiting(number: int, frame: FrameType | None) -> None:
        if callable(snakemakes):
            snakemakes(number, frame)
        if _measuring_workflow():
            for workflow, process in with_variable(WORKFLOW_VARIABLE):
                if workflow == str(os.getpid()) and "--job" in command_line(process.pid):
                    send(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end_waiting)


def _release_testbed() -> None:
    try:
        release_testbed()
        _clean_without_guard(current_state())
    except FeatherbenchError as error:  # what cannot be removed is in the guard's log
        progress.say(str(error))


def _clean_without_guard(state: State) -> None:
    """Remove what is left where the guard has died; a guard removes its record when it leaves."""
    owner = Owner.read_valid(state.owner)
    if owner is None or owner.workflow != our_workflow():
        return
    progress.say("the testbed's guard has died: cleaning up without it")
    for result in cleanup.clean(state, owner.plugins):
        if result.failure:
            progress.say(f"{result.name} could not be removed: {result.failure}")


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        progress.say("interrupted; what is missing of the report is made by the next run")


def succeed(nested: NestedRun, outputs: Collection[str]) -> None:
    """End a run that succeeded; `outputs` are the files of its jobs.

    Exit with a failure if a figure or a table could not be made.
    """
    with _interruptible():
        if REPORT in outputs:
            _make_snakemakes_report(nested)
    with _interruptible():
        _release_testbed()  # now: what others measure must not run beside a report
        reports = [file for file in (REPORT, PAPERS_REPORT) if file in outputs]
        progress.say(f"done; open {' and '.join(reports)}" if reports else "done")
    job_runner.end_with_failed_parts()


def _make_snakemakes_report(nested: NestedRun) -> None:
    try:
        nested.run("--report", "results/snakemake_report.html")
    except CommandError as error:
        progress.say(f"Snakemake's own report could not be made: {error}")


def fail(nested: NestedRun, *, measured: bool) -> None:
    """End a run that failed: make the report of the cells that were measured."""
    if measured and (other := _measuring_workflow()):
        progress.say(f"stopping, without a report: it would disturb what is measured by {other}")
        measured = False
    with _interruptible():
        if measured:
            progress.say("stopping, and making a report of what was measured; Ctrl-C leaves it out")
            _make_partial_report(nested)
    with _interruptible():
        _release_testbed()
    job_runner.end_with_failed_parts()


def _make_partial_report(nested: NestedRun) -> None:
    # Failures are no inputs of the report, since no rule makes their files.
    forced = ("--forcerun", "report", "--", REPORT)
    try:
        nested.run("--cores", "1", "--no-hooks", "--allowed-rules", *REPORT_RULES, *forced)
        progress.say(f"{REPORT} shows what was measured, and what failed")
    except CommandError as error:
        progress.say(f"no report could be made of what was measured: {error}")
