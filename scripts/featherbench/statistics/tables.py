# SPDX-License-Identifier: Apache-2.0
"""Computes each table of the analysis from the samples and the plan; see records/tables.py."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from featherbench.records.plan import Plan
from featherbench.statistics.data.replicates import comparisons
from featherbench.statistics.data.samples import per_stratum, with_load_points
from featherbench.statistics.design.variance_components import components
from featherbench.statistics.diagnostics.assumptions import checks
from featherbench.statistics.inference.anova import analyse, levels
from featherbench.statistics.inference.posthoc import posthoc
from featherbench.statistics.inference.ratios import ratios
from featherbench.statistics.summary import summarize
from featherbench.statistics.time_to_first_packet import crossing_bandwidths

Make = Callable[[pd.DataFrame, Plan], pd.DataFrame]


def _with_load_points(make: Make) -> Make:
    return lambda samples, plan: with_load_points(make(samples, plan), plan.metrics)


_MAKE: Mapping[str, Make] = {
    "summary": lambda samples, plan: per_stratum(
        lambda rows: summarize(rows, {w.name for w in plan.workloads if w.until}), samples
    ),
    "anova": lambda samples, _: per_stratum(lambda rows: analyse(comparisons(rows)), samples),
    "posthoc": lambda samples, plan: per_stratum(
        lambda rows: posthoc(rows, plan.baseline, plan.margin), samples
    ),
    "ratios": lambda samples, plan: per_stratum(
        lambda rows: ratios(rows, plan.baseline, plan.margin, plan.seed),
        samples,
        baseline=plan.baseline,
    ),
    "levels": lambda samples, _: per_stratum(levels, samples),
    "components": lambda samples, plan: per_stratum(
        lambda rows: components(rows, plan.precision, samples), samples
    ),
    "checks": lambda samples, _: per_stratum(checks, samples),
    "provisioning": lambda samples, plan: per_stratum(
        lambda rows: crossing_bandwidths(rows, plan.metrics), samples
    ),
}
COMPUTE: Mapping[str, Make] = MappingProxyType(
    {name: _with_load_points(make) for name, make in _MAKE.items()}
)
