# SPDX-License-Identifier: Apache-2.0
"""The paper's Figures 3 to 6, drawn from its data, with captions that describe these data."""

from dataclasses import replace
from typing import Any

from featherbench.figures.catalogue import PAPER_FIGURES
from featherbench.plauth2017.data.experiment import plan

REPEATED = (
    "± SD of the repetitions; {interval}: 95 % interval of the mean, with repetitions treated as "
    "independent."
)
SWEEP = f"Published mean; error bars: {REPEATED.format(interval='shading')}"
STALLED = "Hollow: the means look like a protocol that waits, not like a server under load."
POINTS = (
    f"Mean, with its value; thin bar: {REPEATED.format(interval='thick bar')} "
    "Dots: single published values."
)
ONE_VALUE = "One published value each; its variation is unknown."
ALLOTTED = (
    "Containers: memory in use by htop (LXD) and Docker's statistics; guests and unikernels: the "
    "smallest amount, in steps of 8 MiB, that did not degrade performance."
)

DIFFERENT: dict[str, dict[str, Any]] = {
    "fig3a_startup_time": {"marks": POINTS},
    "fig3b_image_size": {
        "panels": {"image_size": ""},
        "axis": "on disk, by du [{unit}]",
        "marks": ONE_VALUE,
    },
    "fig3c_network_latency": {"marks": POINTS, "note": "Pinged from a second machine."},
    "fig4a_http_throughput_native": {"marks": SWEEP},
    "fig4b_http_throughput_virtualized": {"marks": SWEEP, "note": STALLED},
    "fig5a_memory_http": {
        "panels": {"memory_http_load": ""}, "marks": ONE_VALUE, "note": ALLOTTED
    },
    "fig5b_memory_kv": {"panels": {"memory_kv_load": ""}, "marks": ONE_VALUE, "note": ALLOTTED},
    "fig6a_kv_throughput_native": {"marks": SWEEP},
    "fig6b_kv_throughput_virtualized": {"marks": SWEEP},
}  # fmt: skip
"""What differs from our figure of that name."""

PAPERS_ENTRIES = tuple(
    replace(spec, **DIFFERENT[spec.name]).for_plan(plan()) for spec in PAPER_FIGURES
)
