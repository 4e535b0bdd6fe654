# SPDX-License-Identifier: Apache-2.0
"""The begin of a run: its plan is frozen, its cells are counted, and its machine is examined.

Snakemake's jobs come as `NeededJob`s, which hold what is used of them.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from featherbench.jobs import job_runner, progress
from featherbench.jobs.run_folder import TAKERS
from featherbench.paths import SCRIPTS
from featherbench.planning.inputs import cell_file, cell_of
from featherbench.planning.job_specs import JobSpecs, spec_json
from featherbench.planning.plan import PLAN_VARIABLE
from featherbench.records.plan import CellName, Plan
from featherbench.system import subprocesses
from featherbench.testbed import network


class NeededJob(NamedTuple):
    """A job that Snakemake will run."""

    rule: str
    wildcards: Mapping[str, str]
    outputs: Sequence[str]


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


def examine_machine(hypervisors: str) -> None:
    """Record the machine before the run's own load is on it; `hypervisors` are settings as JSON."""
    files = ["--output", "results/logs/machine.json", "--log", "results/logs/machine_begun.log"]
    options = ["--hypervisors", hypervisors, "--job", "machine_begun"]
    script = (*job_runner.PYTHON, str(SCRIPTS / "machine.py"))
    subprocesses.run([*script, *files, *options], timeout_s=60)
