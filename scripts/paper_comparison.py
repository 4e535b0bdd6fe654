# SPDX-License-Identifier: Apache-2.0
"""Compare the results of a run, and its setup, with the paper's."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.plauth2017.comparison.claims_on_run import own_claims
from featherbench.plauth2017.comparison.replication import compare
from featherbench.plauth2017.comparison.setup import setup
from featherbench.plauth2017.data.published import read_summary
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import Plan
from featherbench.records.tables import REPLICATION
from featherbench.statistics.data.table_io import read_csv, read_parquet, write_csv


def main(options: Namespace) -> None:
    """Read, compare, write."""
    plan, samples = Plan.read(options.plan), read_parquet(options.samples)
    ratios, published = read_csv(options.ratios), read_summary(options.published)
    compared = compare(plan, samples, read_csv(options.summary), ratios, published)
    tables = {
        "paper_comparison": compared,
        "paper_claims": own_claims(plan, samples, ratios, published),
        "paper_setup": setup(plan, MachineRecord.read(options.machine)),
    }
    for name in REPLICATION:
        write_csv(tables[name], options.tables_dir / f"{name}.csv")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan's file")
    parser.add_argument("--machine", type=Path, required=True, help="the machine's record")
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--summary", type=Path, required=True, help="the summary, as CSV")
    parser.add_argument("--ratios", type=Path, required=True, help="the ratios, as CSV")
    parser.add_argument("--published", type=Path, required=True, help="the paper's data")
    parser.add_argument("--tables-dir", type=Path, required=True, help="where to write tables")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
