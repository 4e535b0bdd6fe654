# SPDX-License-Identifier: Apache-2.0
# Reads the configuration and expands it into the plan and the specs of all jobs. A mistake in the
# configuration is one message.

from featherbench.config.loading import naming, read, validate
from featherbench.config.models import Config
from featherbench.files import canonical_json, folder_digest
from featherbench.jobs import invocation, job_runner, progress, try_out
from featherbench.jobs.invocation import or_exit, refuse_empty, show_exception
from featherbench.jobs.run_end import PARTIAL_VARIABLE
from featherbench.paths import RESOURCES
from featherbench.planning.code_digest import code_digest
from featherbench.planning.job_specs import JobSpecs, SpecParam, spec_json
from featherbench.planning.plan import GROUP_STEP, Group, frozen_plan, make_plan, priority, ranks
from featherbench.planning.resolve import resolve
from featherbench.records.load_point import PATTERN
from featherbench.registry import PLUGINS_VARIABLE
from featherbench.system.fingerprint import fingerprint
from featherbench.system.machine import LOCAL
from featherbench.testbed import cpus

sys.excepthook = show_exception
DEFAULT_CONFIG_FILE = "config/config.yaml"


# A file given with --configfile replaces the default one. The directive `configfile:` would merge
# the two, and measure a mixture without a word.
CONFIG_FILES = workflow.config_settings.configfiles or [DEFAULT_CONFIG_FILE]
CONFIG_FILE = os.path.relpath(CONFIG_FILES[-1])


# Snakemake within a run does what the run began with, whatever the files say by now.
FROZEN = or_exit(frozen_plan)


def resolved_config():
    if FROZEN:
        return resolve(Config.model_validate(FROZEN.config), file=FROZEN.config_file)
    # Snakemake's own `config` has lost duplicate keys and the types of what is nested in --config.
    files = [Path(os.path.relpath(file)) for file in CONFIG_FILES]
    content = read(files, workflow.config_settings.config)
    return resolve(validate(content, file=CONFIG_FILE), file=CONFIG_FILE)


def require_cpus():
    with naming(CONFIG_FILE):
        cpus.choose(RESOLVED.config.testbed, cpus.usable(RESOLVED.config.testbed, LOCAL))


RESOLVED = or_exit(resolved_config)
or_exit(require_cpus)

# Jobs use this interpreter, this package and the user's plugin folders. No result depends on where
# these are, so they are no params.
os.environ[PLUGINS_VARIABLE] = os.pathsep.join(map(os.path.abspath, RESOLVED.config.plugins))
os.environ.update(
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.getenv('PATH')}",
    PYTHON=" ".join(job_runner.PYTHON),
    PYTHONPATH=str(SCRIPTS),
    SCRIPTS=str(SCRIPTS),
)
PARTIAL = PARTIAL_VARIABLE in os.environ


def plan():
    may_try = workflow.is_main_process and not PARTIAL and not invocation.tries_nothing(sys.argv)
    tried = try_out.missing(RESOLVED, may_try=may_try, show=progress.say)
    return make_plan(RESOLVED, tried)


PLAN = FROZEN or or_exit(plan)
SPECS = JobSpecs(RESOLVED, PLAN)
HYPERVISOR_SETTINGS = canonical_json(RESOLVED.config.hypervisors)
RANKS = ranks(PLAN)
BUILD_FIRST = GROUP_STEP * (len(RANKS) + 2)

# A profile's limit is lost when the user gives --resources; this one holds.
workflow.global_resources["testbed"] = 1


wildcard_constraints:
    platform="[a-z0-9]+-[a-z0-9]+([+][a-z0-9-]+)?",
    owner="[a-z0-9]+(-[a-z]+)?",
    service="[a-z0-9_]+",
    workload="[a-z0-9_]+",
    deployment="[0-9]+",
    load_point=PATTERN,


def spec_param(job, spec, wildcards={}):
    """Return a spec as a param of the job with that name, in which wildcards are filled in."""
    name = job.format(**dict(wildcards))
    return SpecParam(spec_json(spec), job=name, dry_run=workflow.dryrun)


def deployment_of(wildcards):
    return {
        "platform": wildcards.platform,
        "workload": wildcards.workload,
        "deployment": int(wildcards.deployment),
    }


def priority_of(wildcards):
    name = wildcards.get("load_point", "")
    return priority(RANKS, Group(**deployment_of(wildcards)), name, seed=PLAN.seed)
