# SPDX-License-Identifier: Apache-2.0
"""Computes each table of the analysis from the samples and the plan; see records/tables.py."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from featherbench.statistics.data.emulation import per_stratum
from featherbench.statistics.design.variance_components import components
from featherbench.statistics.diagnostics.assumptions import checks
from featherbench.statistics.inference.anova import anova
from featherbench.statistics.inference.games_howell import games_howell
from featherbench.statistics.inference.omnibus import levels
from featherbench.statistics.inference.pairwise_blocks import paired
from featherbench.statistics.inference.ratios import ratios
from featherbench.statistics.inference.tukey import posthoc
from featherbench.statistics.summary import summarize
from featherbench.statistics.time_to_first_packet import crossing_bandwidths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from featherbench.records.plan import Plan

COMPUTE: Mapping[str, Callable[[pd.DataFrame, Plan], pd.DataFrame]] = MappingProxyType(
    {
        "summary": lambda samples, plan: per_stratum(
            lambda rows: summarize(rows, _sequential(plan)), samples
        ),
        "anova": lambda samples, _: per_stratum(anova, samples),
        "posthoc": lambda samples, plan: per_stratum(
            lambda rows: _pairs(rows, plan.baseline, plan.margin), samples
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
)


def _sequential(plan: Plan) -> set[str]:
    """Return the workloads whose number of deployments a stopping rule decides."""
    return {workload.name for workload in plan.workloads if workload.until}


def _pairs(samples: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    tests = [posthoc(samples), games_howell(samples), paired(samples, baseline, margin)]
    return pd.concat([table for table in tests if len(table)] or tests[:1])
