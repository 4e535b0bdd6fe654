# SPDX-License-Identifier: Apache-2.0
# What happens around a run.

from snakemake.persistence import PersistenceBase

from featherbench.jobs import invocation, run_begin, run_end, run_folder
from featherbench.testbed.reservation import WORKFLOW_VARIABLE

if workflow.is_main_process:
    # Jobs name this process as the owner of the testbed, and end with it; the guard watches it.
    if FROZEN is None:
        os.environ[WORKFLOW_VARIABLE] = str(os.getpid())
    invocation.or_exit(run_folder.require_usable_folder)
    if not invocation.is_dry_run(sys.argv):
        invocation.or_exit(run_folder.prepare)


async def incomplete_files(persistence, job, marked=PersistenceBase.incomplete):
    """Return a job's incomplete files; see `PersistenceBase.incomplete`.

    A run may be killed when a cell is written, and before Snakemake has recorded that.
    """
    files = await marked(persistence, job)
    if job.rule.name != "measure" or not files:
        return files
    if not run_begin.is_current(inputs.cell_of(dict(job.wildcards)), SPECS):
        return files
    if not invocation.is_dry_run(sys.argv):
        workflow.dag.update_jobids()  # the job's command, which is recorded, may hold its number
        await persistence.finished(job)
    return []


PersistenceBase.incomplete = incomplete_files
NESTED_RUN = run_end.NestedRun(workflow.main_snakefile)


def needed_jobs():
    return [
        run_begin.NeededJob(job.rule.name, dict(job.wildcards), list(map(str, job.output)))
        for job in workflow.dag.needrun_jobs()
    ]


def outputs_of_all_jobs():
    return {str(file) for job in workflow.dag.jobs for file in job.output}


def measures():
    """Return whether this run used more than the paper's published data."""
    return not all(job.rule.name.startswith("paper") for job in workflow.dag.jobs)


def begin():
    run_begin.freeze(PLAN)
    run_end.end_waiting_jobs_on_sigterm()
    if run_begin.begin(PLAN, SPECS, needed_jobs(), outputs_of_all_jobs()):
        run_begin.examine_machine(HYPERVISOR_SETTINGS)


onstart:
    invocation.or_exit(begin)


onsuccess:
    run_end.succeed(NESTED_RUN, outputs_of_all_jobs())


onerror:
    run_end.fail(NESTED_RUN, measured=measures())
