# SPDX-License-Identifier: Apache-2.0
"""featherbench: which way of running a service is right for this machine and this workload?

build_image → deploy → warmup → measure → aggregate → analyze → plot → report
"""

import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

SCRIPTS = Path(workflow.basedir) / "scripts"
sys.path.insert(0, str(SCRIPTS))


include: "workflow/rules/logging.smk"
include: "workflow/rules/matrix.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/cells.smk"
include: "workflow/rules/sequential.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/plauth2017.smk"
include: "workflow/rules/hooks.smk"


rule all:
    default_target: True
    input:
        # The cells are named although the tables need them too: otherwise Snakemake
        # would not notice that one is missing while the tables are there.
        REQUESTED_CELLS,
        figures=FIGURES,
        tables=TABLES,
        report="results/report.html",
