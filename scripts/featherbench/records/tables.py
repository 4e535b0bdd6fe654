# SPDX-License-Identifier: Apache-2.0
"""The registry of the analysis' tables: `results/tables/<name>.csv`, and what each contains.

`statistics/tables.py` computes each table. The rules, the script and the report take the names from
here.
"""

from collections.abc import Mapping
from types import MappingProxyType

CAPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "summary": "Mean, standard deviation and 95 % interval of each metric at each level.",
        "anova": "Two-way analysis of variance: platform, level, and their interaction.",
        "posthoc": "All pairs of platforms: Tukey-Kramer, Games-Howell, paired ratios in blocks.",
        "ratios": "Each platform over the baseline: ratio, interval, p, equivalence.",
        "levels": "Whether any platforms differ at a level: Welch's ANOVA, Kruskal-Wallis test.",
        "components": "Variation between deployments and windows; how many the next run needs.",
        "checks": "Whether the run was steady, and whether the tests' assumptions hold.",
        "provisioning": "Time to first service where the image must be transferred first.",
    }
)
ANALYSIS = tuple(CAPTIONS)
REPLICATION = ("paper_comparison", "paper_claims", "paper_setup")
"""The tables that `plauth2017` makes: how a run replicates the paper."""


def table_file(name: str) -> str:
    """Return the file of a table."""
    return f"results/tables/{name}.csv"
