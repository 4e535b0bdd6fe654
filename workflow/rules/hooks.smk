# SPDX-License-Identifier: Apache-2.0
# What happens around a run: counting the cells, letting go of the testbed, the report of
# a run that failed.

import json

from featherbench.jobs import progress
from featherbench.system import subprocesses as door
from featherbench.errors import CommandError
from featherbench.jobs.snakemake_lock import drop_stale_lock
from featherbench.testbed.reservation import WORKFLOW_VARIABLE, release_testbed

if workflow.is_main_process:
    # Jobs say on whose behalf they hold the testbed; the guard watches this process.
    os.environ[WORKFLOW_VARIABLE] = str(os.getpid())
    drop_stale_lock()


COORDINATES = ("platform", "workload", "deployment", "concurrency")
OVERRIDES = [f"{key}={json.dumps(value)}" for key, value in workflow.config_settings.config.items()]


def snakemake_again(*arguments):
    """Run Snakemake within this run, which holds the folder's lock and has its own hooks."""
    return door.run(
        [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            workflow.main_snakefile,
            "--configfile",
            CONFIG_FILE,
            *(["--config", *OVERRIDES] if OVERRIDES else []),
            "--nolock",
            *arguments,
        ],
        timeout_s=600,
        env={"FEATHERBENCH_PARTIAL": "1"},
    )


def cells_to_measure():
    return [job for job in workflow.dag.needrun_jobs() if job.rule.name == "measure"]


def cells_that_may_come():
    """Those that are not asked for yet, where what is measured first decides how many are."""
    looks = [job.wildcards for job in workflow.dag.needrun_jobs() if job.rule.name == "interim_look"]
    undecided = {(look.platform, look.workload) for look in looks}
    known = {str(file) for job in workflow.dag.jobs for file in job.output}
    return [c for c in PLAN.cells() if c[:2] in undecided and cell_file(c) not in known]


def is_current(cell):
    """Whether it was measured already, and as it would be now."""
    file, coordinates = Path(cell_file(cell)), zip(COORDINATES, cell)
    spec = spec_json(MATRIX.measure_spec(**dict(coordinates)))
    return file.exists() and json.loads(file.read_bytes())["spec"] == json.loads(spec)


def forget(files):
    """Remove what will be made anew, lest a run that fails before reports it as measured."""
    for file in files:
        Path(file).unlink(missing_ok=True)


def forget_looks():
    """Remove those that will be made anew, and those after, which rest on them."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "interim_look":
            first, folder = int(job.wildcards.deployment), Path(job.output[0]).parent
            forget(f for f in folder.glob("d*.json") if int(f.stem.removeprefix("d")) >= first)


def expected_s(cells):
    """How long each cell takes, about, by its name."""
    planned = {platform.name: platform for platform in PLAN.platforms}
    return {
        f"{name}/{workload}/d{deployment}/c{level}": progress.expected_s(
            MATRIX.nominal_duration_s(workload), planned[name], workload
        )
        for name, workload, deployment, level in cells
    }


def coordinates_of(job):
    wildcards = job.wildcards
    numbers = int(wildcards.deployment), int(wildcards.concurrency)
    return wildcards.platform, wildcards.workload, *numbers


def examine_machine():
    """Record the machine before our own load is on it."""
    record = ["--output", "results/logs/machine.json", "--log", "results/logs/machine_begun.log"]
    given = ["--hypervisors", HYPERVISOR_SETTINGS, "--job", "machine_begun"]
    door.run(
        [sys.executable, str(SCRIPTS / "machine.py"), *record, *given],
        timeout_s=60,
    )


def let_go_of_testbed():
    """Stop what still runs; whatever cannot be removed is named by the guard's log."""
    try:
        release_testbed()
    except FeatherbenchError as error:
        print(f"featherbench: {error}")


onstart:
    certain = [coordinates_of(job) for job in cells_to_measure()]
    possible = [cell for cell in cells_that_may_come() if not is_current(cell)]
    if certain or possible:
        progress.begin(expected_s([*certain, *possible]), at_most=bool(possible))
        forget(map(cell_file, [*certain, *possible]))
        examine_machine()
    forget_looks()


def make_snakemakes_report():
    try:
        snakemake_again("--report", "results/snakemake_report.html")
    except CommandError as error:
        print(f"featherbench: Snakemake's own report could not be made: {error}")


def make_report_of_what_there_is():
    try:
        snakemake_again(
            "--cores",
            "1",
            "--no-hooks",
            "--allowed-rules",
            *("plan", "aggregate", "analyze", "paper_comparison", "plot"),
            *("machine", "rulegraph", "report"),
            # What failed is no input of it: no rule makes these files.
            "--forcerun",
            "report",
            "--",
            "results/report.html",
        )
        print("featherbench: results/report.html shows what was measured, and what failed")
    except CommandError as error:
        print(f"featherbench: no report could be made of what was measured: {error}")


def concerns_measurements():
    """Whether this run asked for more than what is made of the paper's published data."""
    return not all(job.rule.name.startswith("paper") for job in workflow.dag.jobs)


onsuccess:
    let_go_of_testbed()
    if concerns_measurements():
        make_snakemakes_report()
        print("featherbench: done; open results/report.html")
    else:
        print("featherbench: done; open results/paper/report.html")


onerror:
    let_go_of_testbed()
    if concerns_measurements():
        make_report_of_what_there_is()
