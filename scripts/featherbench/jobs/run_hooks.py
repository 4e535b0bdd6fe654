# SPDX-License-Identifier: Apache-2.0
"""What happens around a run: drop stale locks, count cells, release the testbed, report.

Snakemake's jobs come as `NeededJob`s, which hold what is used of them.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple, TypeVar

from featherbench.errors import CommandError, FeatherbenchError, RecordError, error_of_system
from featherbench.jobs import job_runner, progress
from featherbench.paths import SCRIPTS
from featherbench.planning.inputs import cell_file
from featherbench.planning.job_specs import JobSpecs, spec_json
from featherbench.planning.plan import PLAN_VARIABLE
from featherbench.records.base import Record
from featherbench.records.cell import Deployment, Warmup
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import CellName, Plan
from featherbench.records.stopping_decisions import InterimLook
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.system.processes import (
    Process,
    command_line,
    identity_of,
    is_alive,
    ourselves,
    send,
    with_variable,
)
from featherbench.testbed import cleanup, network
from featherbench.testbed.lock import try_lock
from featherbench.testbed.reservation import (
    WORKFLOW_VARIABLE,
    Owner,
    current_owner,
    our_workflow,
    release_testbed,
)
from featherbench.testbed.state import State, current_state

T = TypeVar("T")

PARTIAL_VARIABLE = "FEATHERBENCH_PARTIAL"
"""Set while a report is made of a run that failed: the cells that exist are then the inputs."""
REPORT_RULES = (
    *("plan", "aggregate", "analyze", "paper_comparison", "plot"),
    *("machine", "rulegraph", "report"),
)
SNAKEMAKE = Path(".snakemake")
TAKERS = SNAKEMAKE / "featherbench"
OUR_LOCK = SNAKEMAKE / "featherbench.lock"
OURS_WITHIN_S = 10.0
MEASURES_NOTHING = re.compile(
    r"paper\w*|results/paper/.*|-[lSDt]|--(unlock|report|lint|list\S*|summary|detailed-summary"
    r"|rulegraph|filegraph|dag|d3dag|touch|archive|delete-\S+|cleanup-\S+|containerize|help|version)"
)
RESULTS = Path("results")
REPORT, PAPERS_REPORT = "results/report.html", "results/paper/report.html"
MADE_AGAIN: dict[str, type[Record]] = {
    "plan.json": Plan,
    "machine.json": MachineRecord,
    "deployments/**/*.json": Deployment,
    "warmups/**/*.json": Warmup,
    "stopping/**/*.json": InterimLook,
}
ENDS = {".csv": b"\n", ".parquet": b"PAR1", ".svg": b"</svg>\n", ".png": b"IEND\xaeB`\x82"}
FOLDERS = ("", "tables/", "figures/", "paper/*/")


def or_exit(make: Callable[[], T]) -> T:
    """Return what `make` returns, or exit with one message on an error that a user can mend."""
    try:
        return make()
    except FeatherbenchError as error:
        sys.exit(f"featherbench: {error}")
    except OSError as error:
        sys.exit(f"featherbench: {error_of_system(error)}")


def show_exception(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Show what ends this process: a line where the user has interrupted it; see sys.excepthook."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("featherbench: interrupted\n")
    else:
        sys.__excepthook__(kind, error, traceback)


def is_dry_run(arguments: Iterable[str]) -> bool:
    """Whether Snakemake's options ask for a dry run; it says so itself only after the rules."""
    return any(re.fullmatch(r"--dry-?run|-[Fkp]*n[Fkp]*", argument) for argument in arguments)


def tries_nothing(arguments: Iterable[str]) -> bool:
    """Whether Snakemake's options ask for a dry run, a listing, or the paper's data."""
    listed = list(arguments)
    return is_dry_run(listed) or any(map(MEASURES_NOTHING.fullmatch, listed))


def require_usable_folder() -> None:
    """Raise an error if Snakemake or apt cannot work in this folder; a dry run needs as much."""
    if '"' in str(Path.cwd()):
        raise FeatherbenchError(
            f"apt cannot handle the double quote in {Path.cwd()}",
            remedy="rename the folder, or choose another one: `--directory FOLDER`",
        )
    folder = next(filter(Path.exists, (SNAKEMAKE / "shadow", SNAKEMAKE, Path())))
    if folder.name != "shadow" and not os.access(folder, os.W_OK):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        refused = errno.EROFS if read_only else errno.EACCES
        raise OSError(refused, os.strerror(refused), str(SNAKEMAKE))


def prepare() -> None:
    """Prepare the folder for a run: no stale lock, and no damaged file that can be made again."""
    drop_stale_lock()
    drop_damaged_files()


def drop_damaged_files() -> None:
    """Remove damaged files that jobs of this run then make again, and say so.

    An image's is no output that jobs ask for, and a cell costs most: they are left to the user.
    """
    for pattern, model in MADE_AGAIN.items():
        for file in sorted(RESULTS.glob(pattern)):
            try:
                model.read(file)
            except RecordError as error:
                _drop(file, error.message)
    for folder in FOLDERS:
        for file in sorted(RESULTS.glob(f"{folder}*")):
            if file.suffix in ENDS and not _is_whole(file):
                _drop(file, f"{file} is truncated")


def _drop(file: Path, fault: str) -> None:
    file.unlink(missing_ok=True)
    _print(f"{fault}: it is made again")


def _is_whole(file: Path) -> bool:
    """Whether a file of these kinds ends as all of them do."""
    end = ENDS[file.suffix]
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - len(end)))
        return content.read() == end


def refuse_empty(plan: Plan, *, dry_run: bool) -> list[str]:
    """Exit if nothing of the plan can run on this machine; return no files in a dry run."""
    missing = [
        f"{platform.name}: {lack.what}\n    remedy: {lack.remedy}"
        for platform in plan.platforms
        for lack in (*platform.missing_requirements, *platform.unsupported_workloads.values())
    ]
    message = "\n  ".join(["featherbench: nothing can be measured here", *dict.fromkeys(missing)])
    if not dry_run:
        sys.exit(message)
    _say_once(message)
    return []


@cache
def _say_once(message: str) -> None:
    sys.stderr.write(f"{message}\n")


def _is_alive(taker: Path) -> bool:
    """Whether the process of a record lives; where it is damaged, the one of that number."""
    process = Process.read_valid(taker)
    return is_alive(process) if process else identity_of(int(taker.stem)) is not None


def drop_stale_lock() -> None:
    """Remove the lock of a killed run, and record that this process may take it next.

    Snakemake leaves its lock on the folder behind, and then asks the user for `--unlock`. The lock
    is stale when all processes that may have taken it have ended. One process at a time: another
    one that starts now must not remove the lock that this one takes.
    """
    lock = wait_until(lambda: try_lock(OUR_LOCK), what=str(OUR_LOCK), within_s=OURS_WITHIN_S)
    try:
        records = list(TAKERS.glob("[0-9]*.json"))
        if records and not any(map(_is_alive, records)):
            for path in [*TAKERS.glob("*.json"), *(SNAKEMAKE / "locks").glob("*.lock")]:
                path.unlink(missing_ok=True)
        us = ourselves()
        us.write(TAKERS / f"{us.pid}.json")
    finally:
        lock.release()


class NeededJob(NamedTuple):
    """A job that Snakemake will run."""

    rule: str
    wildcards: Mapping[str, str]
    outputs: Sequence[str]


def cell_of(wildcards: Mapping[str, str]) -> CellName:
    """Return the name of the cell that a job measures."""
    deployment, concurrency = int(wildcards["deployment"]), int(wildcards["concurrency"])
    return CellName(wildcards["platform"], wildcards["workload"], deployment, concurrency)


def possible_cells(
    plan: Plan, specs: JobSpecs, jobs: Iterable[NeededJob], outputs: Collection[str]
) -> list[CellName]:
    """Return the cells that interim looks may still request and that would be measured then.

    `outputs` are the files of all jobs that Snakemake knows by now.
    """
    undecided = {
        (job.wildcards["platform"], job.wildcards["workload"])
        for job in jobs
        if job.rule == "interim_look"
    }
    return [
        cell
        for cell in plan.cells()
        if (cell.platform, cell.workload) in undecided
        and cell_file(cell) not in outputs
        and not is_current(cell, specs)
    ]


def is_current(cell: CellName, specs: JobSpecs) -> bool:
    """Return whether a cell has been measured as it would be now; its file is always whole."""
    spec = json.loads(spec_json(specs.cell(**cell._asdict())))
    try:
        return bool(json.loads(Path(cell_file(cell)).read_bytes())["spec"] == spec)
    except (FileNotFoundError, ValueError, LookupError, TypeError):  # missing or damaged
        return False


def outdated_looks(jobs: Iterable[NeededJob]) -> list[Path]:
    """Return the files of interim looks that will be repeated, and of those that rest on them."""
    outdated = []
    for job in jobs:
        if job.rule == "interim_look":
            first, folder = int(job.wildcards["deployment"]), Path(job.outputs[0]).parent
            looks = {int(file.stem.removeprefix("d")): file for file in folder.glob("d*.json")}
            outdated += [file for number, file in looks.items() if number >= first]
    return outdated


def begin(plan: Plan, specs: JobSpecs, jobs: Sequence[NeededJob], outputs: Collection[str]) -> bool:
    """Count the cells of a run, and remove the files that it replaces; return whether it measures.

    Otherwise a run that fails before it replaces them would report them as measured. Raises
    TestbedError if others use the testbed's subnets.
    """
    certain = [cell_of(job.wildcards) for job in jobs if job.rule == "measure"]
    possible = possible_cells(plan, specs, jobs, outputs)
    cells = [*certain, *possible]
    for testbed in dict.fromkeys(specs.testbed_of(cell.platform) for cell in cells):
        network.require_unused(testbed)
    if cells:
        platforms = {platform.name: platform for platform in plan.platforms}
        expected_s = {
            str(cell): specs.nominal_duration_s(cell.workload, platforms[cell.platform])
            for cell in cells
        }
        progress.begin(expected_s, at_most=bool(possible))
    for file in (*map(Path, map(cell_file, cells)), *outdated_looks(jobs)):
        file.unlink(missing_ok=True)
    return bool(cells)


def freeze(plan: Plan) -> None:
    """Have Snakemake within this run use this plan: an edit from now on concerns the next run."""
    file = TAKERS / f"plan-{os.getpid()}.json"
    plan.write(file)
    os.environ[PLAN_VARIABLE] = str(file)


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


def examine_machine(hypervisors: str) -> None:
    """Record the machine before the run's own load is on it; `hypervisors` are settings as JSON."""
    files = ["--output", "results/logs/machine.json", "--log", "results/logs/machine_begun.log"]
    options = ["--hypervisors", hypervisors, "--job", "machine_begun"]
    script = (*job_runner.PYTHON, str(SCRIPTS / "machine.py"))
    subprocesses.run([*script, *files, *options], timeout_s=60)


@dataclass(frozen=True)
class NestedRun:
    """Snakemake within a run, which holds the folder's lock and has frozen its plan."""

    snakefile: str

    def run(self, *arguments: str) -> None:
        """Run it to its end. Raise CommandError if it fails."""
        snakemake = (sys.executable, "-m", "snakemake", "--snakefile", self.snakefile, "--nolock")
        subprocesses.run([*snakemake, *arguments], timeout_s=600, env={PARTIAL_VARIABLE: "1"})


def _print(message: str) -> None:
    progress.show(f"featherbench: {message}")


def _release_testbed() -> None:
    try:
        release_testbed()
        _clean_without_guard(current_state())
    except FeatherbenchError as error:  # what cannot be removed is in the guard's log
        _print(str(error))


def _clean_without_guard(state: State) -> None:
    """Remove what is left where the guard has died; a guard removes its record when it leaves."""
    owner = Owner.read_valid(state.owner)
    if owner is None or owner.workflow != our_workflow():
        return
    _print("the testbed's guard has died: cleaning up without it")
    for result in cleanup.clean(state, owner.plugins):
        if result.failure:
            _print(f"{result.name} could not be removed: {result.failure}")


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _print("interrupted; what is missing of the report is made by the next run")


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
        _print(f"done; open {' and '.join(reports)}" if reports else "done")
    job_runner.end_with_failed_parts()


def _make_snakemakes_report(nested: NestedRun) -> None:
    try:
        nested.run("--report", "results/snakemake_report.html")
    except CommandError as error:
        _print(f"Snakemake's own report could not be made: {error}")


def fail(nested: NestedRun, *, measured: bool) -> None:
    """End a run that failed: make the report of the cells that were measured."""
    if measured and (other := _measuring_workflow()):
        _print(f"stopping, without a report: it would disturb what is measured by {other}")
        measured = False
    with _interruptible():
        if measured:
            _print("stopping, and making a report of what was measured; Ctrl-C leaves it out")
            _make_partial_report(nested)
    with _interruptible():
        _release_testbed()
    job_runner.end_with_failed_parts()


def _make_partial_report(nested: NestedRun) -> None:
    # Failures are no inputs of the report, since no rule makes their files.
    forced = ("--forcerun", "report", "--", REPORT)
    try:
        nested.run("--cores", "1", "--no-hooks", "--allowed-rules", *REPORT_RULES, *forced)
        _print(f"{REPORT} shows what was measured, and what failed")
    except CommandError as error:
        _print(f"no report could be made of what was measured: {error}")
