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
    return [
        f"{w.platform}/{w.workload}/d{w.deployment}/c{w.concurrency}"
        for w in (
            job.wildcards for job in workflow.dag.needrun_jobs() if job.rule.name == "measure"
        )
    ]


onstart:
    progress.begin(
        {cell: MATRIX.nominal_duration_s(cell.split("/")[1]) for cell in cells_to_measure()}
    )


onsuccess:
    release_testbed()
    snakemake_again("--report", "results/snakemake_report.html")


onerror:
    release_testbed()
    try:
        snakemake_again(
            "--cores",
            "1",
            "--no-hooks",
            "--allowed-rules",
            *("plan", "aggregate", "analyze", "plot", "host", "rulegraph", "report"),
            # What failed is no input of it: no rule makes these files.
            "--forcerun",
            "report",
            "--",
            "results/report.html",
        )
        print("featherbench: results/report.html shows what was measured, and what failed")
    except CommandError as error:
        print(f"featherbench: no report could be made of what was measured: {error}")
