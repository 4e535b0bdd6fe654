# SPDX-License-Identifier: Apache-2.0
# Input functions that need Snakemake's checkpoints; all others are in featherbench.planning.inputs.

from featherbench.planning import inputs
from featherbench.records.stopping_decisions import InterimLook


def read_look(platform, workload, deployment):
    """Read an interim look. Until it exists, Snakemake defers the job whose input asks for it."""
    names = {"platform": platform, "workload": workload, "deployment": deployment}
    return InterimLook.read(Path(checkpoints.interim_look.get(**names).output[0]))


def interim_look_spec(wildcards):
    return SPECS.interim_look(**deployment_of(wildcards))


def input_function(make, *arguments):
    """Return an input function that ignores its wildcards."""
    return lambda wildcards: make(*arguments)


# Each series has input functions of its own: one that Snakemake defers leaves the others alone.
SEQUENTIAL = [] if PARTIAL else [(*names, read_look) for names in PLAN.sequential()]
LOOKS = [input_function(inputs.last_look_file, *series) for series in SEQUENTIAL]
FIXED_CELLS = (
    [input_function(inputs.measured_cells, PLAN)]
    if PARTIAL
    else list(map(inputs.cell_file, PLAN.fixed().cells()))
)
CAN_MEASURE = PARTIAL or any(True for _ in PLAN.cells())
REQUESTED_CELLS = [
    *FIXED_CELLS,
    *([] if CAN_MEASURE else [lambda wildcards: refuse_empty(PLAN, dry_run=workflow.dryrun)]),
    *(input_function(inputs.sequential_cells, *series) for series in SEQUENTIAL),
]
