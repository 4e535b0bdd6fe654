# SPDX-License-Identifier: Apache-2.0
"""Summarize the samples, test which platforms differ, and by how much."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.statistics.data.emulation import tabulated
from featherbench.statistics.data.samples import ANALYSED
from featherbench.statistics.data.table_io import read_parquet, write_csv
from featherbench.statistics.design.variance_components import components
from featherbench.statistics.diagnostics.assumptions import checks
from featherbench.statistics.inference.anova import anova
from featherbench.statistics.inference.games_howell import games_howell
from featherbench.statistics.inference.omnibus import levels
from featherbench.statistics.inference.pairwise_blocks import paired
from featherbench.statistics.inference.ratios import ratios
from featherbench.statistics.inference.tukey import posthoc
from featherbench.statistics.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES: dict[str, Callable[[pd.DataFrame, Plan], pd.DataFrame]] = {
    "summary": lambda samples, plan: tabulated(
        lambda rows: summarize(rows, _watched(plan)), samples
    ),
    "anova": lambda samples, _: tabulated(anova, samples),
    "posthoc": lambda samples, plan: tabulated(
        lambda rows: _pairs(rows, plan.baseline, plan.margin), samples
    ),
    "ratios": lambda samples, plan: tabulated(
        lambda rows: ratios(rows, plan.baseline, plan.margin, plan.seed),
        samples,
        baseline=plan.baseline,
    ),
    "levels": lambda samples, _: tabulated(levels, samples),
    "components": lambda samples, plan: tabulated(
        lambda rows: components(rows, plan.precision, samples), samples
    ),
    "checks": lambda samples, _: tabulated(checks, samples),
}
"""Each table, as it is made of the samples and what was asked for."""


def _watched(plan: Plan) -> set[str]:
    return {workload.name for workload in plan.workloads if workload.until}


def _pairs(samples: pd.DataFrame, baseline: str, margin: float) -> pd.DataFrame:
    ways = [posthoc(samples), games_howell(samples), paired(samples, baseline, margin)]
    return pd.concat([table for table in ways if len(table)] or ways[:1])


def main(given: Namespace) -> None:
    """Read, compute and write."""
    plan, samples = Plan.read(given.plan), read_parquet(given.samples, ANALYSED)
    for name, make in TABLES.items():
        write_csv(make(samples, plan), getattr(given, name))


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan's file")
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    for table in TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True, help="CSV, to be written")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
