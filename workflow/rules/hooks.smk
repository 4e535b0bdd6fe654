# SPDX-License-Identifier: Apache-2.0
# What happens around a run; see featherbench.jobs.run_hooks.

from snakemake.persistence import PersistenceBase

from featherbench.jobs import run_hooks
from featherbench.testbed.reservation import WORKFLOW_VARIABLE

if workflow.is_main_process:
    # Jobs name this process as the owner of the testbed, and end with it; the guard watches it.
    if FROZEN is None:
        os.environ[WORKFLOW_VARIABLE] = str(os.getpid())
    run_hooks.or_exit(run_hooks.require_usable_folder)
    if not run_hooks.is_dry_run(sys.argv):
        run_hooks.or_exit(run_hooks.prepare)


async def incomplete_files(persistence, job, marked=PersistenceBase.incomplete):
    """Return a job's incomplete files; see `PersistenceBase.incomplete`.

    A run may be killed when a cell is written, and before Snakemake has recorded that.
    """
    files = await marked(persistence, job)
    if job.rule.name != "measure" or not files:
        return files
    if not run_hooks.is_current(run_hooks.cell_of(dict(job.wildcards)), SPECS):
        return files
    if not run_hooks.is_dry_run(sys.argv):
        workflow.dag.update_jobids()  # the job's command, which is recorded, may hold its number
        await persistence.finished(job)
    return []


PersistenceBase.incomplete = incomplete_files
NESTED_RUN = run_hooks.NestedRun(workflow.main_snakefile)


def needed_jobs():
    return [
        run_hooks.NeededJob(job.rule.name, dict(job.wildcards), list(map(str, job.output)))
        for job in workflow.dag.needrun_jobs()
    ]


def outputs_of_all_jobs():
    return {str(file) for job in workflow.dag.jobs for file in job.output}


def measures():
    """Return whether this run used more than the paper's published data."""
    return not all(job.rule.name.startswith("paper") for job in workflow.dag.jobs)


def begin():
    run_hooks.freeze(PLAN)
    run_hooks.end_waiting_jobs_on_sigterm()
    if run_hooks.begin(PLAN, SPECS, needed_jobs(), outputs_of_all_jobs()):
        run_hooks.examine_machine(HYPERVISOR_SETTINGS)


onstart:
    run_hooks.or_exit(begin)


onsuccess:
    run_hooks.succeed(NESTED_RUN, outputs_of_all_jobs())


onerror:
    run_hooks.fail(NESTED_RUN, measured=measures())
