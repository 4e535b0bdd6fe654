# SPDX-License-Identifier: Apache-2.0
# Reads the configuration and expands it into the matrix; a mistake in it is one message.

from snakemake.utils import update_config

from featherbench.planning import order
from featherbench.records import stopping_decisions as stopping
from featherbench.rootfs import descriptions
from featherbench.paths import RESOURCES
from featherbench.planning.code_digest import code_digest
from featherbench.files import folder_digest
from featherbench.config.loading import read, validate
from featherbench.errors import FeatherbenchError
from featherbench.files import canonical_json
from featherbench.system.fingerprint import fingerprint
from featherbench.planning.matrix import Matrix, spec_json
from featherbench.contracts.technology import BASE
from featherbench.registry import PLUGINS_VARIABLE
from featherbench.testbed import cpus

DEFAULT_CONFIG_FILE = "config/config.yaml"


def or_one_message(make):
    try:
        return make()
    except FeatherbenchError as error:
        sys.exit(f"featherbench: {error}")


# A configuration given with --configfile replaces the default one; merging the two, as
# the directive `configfile:` does, would quietly measure a mixture.
CONFIG_FILE = os.path.relpath([DEFAULT_CONFIG_FILE, *workflow.config_settings.configfiles][-1])
if not workflow.config_settings.configfiles:
    overrides = dict(config)
    update_config(config, or_one_message(lambda: read(Path(CONFIG_FILE))))
    update_config(config, overrides)

MATRIX = or_one_message(lambda: Matrix(validate(config, file=CONFIG_FILE), file=CONFIG_FILE))
PLAN = or_one_message(lambda: MATRIX.plan)
HYPERVISOR_SETTINGS = canonical_json(MATRIX.config.hypervisors)
RANKS = order.ranks(PLAN)
or_one_message(lambda: cpus.choose_here(MATRIX.testbed))

# Jobs use this interpreter, our package and the user's plugin folders. None is a fact that a
# result depends on, so they are no params.
os.environ[PLUGINS_VARIABLE] = os.pathsep.join(map(os.path.abspath, MATRIX.config.plugins))
os.environ.update(
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.getenv('PATH')}",
    PYTHONPATH=str(SCRIPTS),
    SCRIPTS=str(SCRIPTS),
)
# After a failed run the report is made from what there is (see hooks.smk): then the cells
# that are there are the inputs.
PARTIAL = "FEATHERBENCH_PARTIAL" in os.environ


def cell_file(cell):
    platform, workload, deployment, concurrency = cell
    return f"results/cells/{platform}/{workload}/d{deployment}/c{concurrency}.json"


# A profile's limit is lost when the user gives --resources; this one holds.
workflow.global_resources["testbed"] = 1


wildcard_constraints:
    platform="[a-z0-9]+-[a-z0-9]+([+][a-z0-9-]+)?",
    owner="[a-z0-9]+(-[a-z]+)?",
    service="[a-z0-9_]+",
    workload="[a-z0-9_]+",
    deployment="[0-9]+",
    concurrency="[0-9]+",


def priority_of(wildcards):
    group = order.Group(
        platform=wildcards.platform,
        workload=wildcards.workload,
        deployment=int(wildcards.deployment),
    )
    level = int(wildcards.get("concurrency", 0))
    return order.priority(RANKS, group, level, seed=PLAN.seed)
