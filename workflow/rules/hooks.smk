# SPDX-License-Identifier: Apache-2.0
# What happens around a run: counting the cells, letting go of the testbed, the report of
# a run that failed.

import json

from featherbench import progress, shell as door
from featherbench.errors import CommandError
from featherbench.stale_lock import drop_stale_lock
from featherbench.testbed.ownership import WORKFLOW_VARIABLE, release_testbed

if workflow.is_main_process:
    # Jobs say on whose behalf they hold the testbed; the guard watches this process.
    os.environ[WORKFLOW_VARIABLE] = str(os.getpid())
    drop_stale_lock()


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


def forget(cells):
    """Remove what will be measured anew, lest a run that fails before reports it as measured."""
    for output in (file for cell in cells for file in cell.output):
        Path(output).unlink(missing_ok=True)


def nominal_s(cells):
    """How long each cell takes, about."""
    named = {str(cell.params.job).removeprefix("measure/"): cell.wildcards for cell in cells}
    return {name: MATRIX.nominal_duration_s(wild.workload) for name, wild in named.items()}


def examine_host():
    """Record the machine before our own load is on it."""
    record = ["--output", "results/logs/host.json", "--log", "results/logs/host_begun.log"]
    door.run(
        [sys.executable, str(SCRIPTS / "host.py"), *record, "--job", "host_begun"],
        timeout_s=60,
    )


def let_go_of_testbed():
    """Stop what still runs; whatever cannot be removed is named by the guard's log."""
    try:
        release_testbed()
    except FeatherbenchError as error:
        print(f"featherbench: {error}")


onstart:
    if cells := cells_to_measure():
        progress.begin(nominal_s(cells))
        forget(cells)
        examine_host()


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
            *("host", "rulegraph", "report"),
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
