# SPDX-License-Identifier: Apache-2.0
"""Summarize the samples, test which platforms differ, and by how much."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.statistics.data.samples import ANALYSED
from featherbench.statistics.data.table_io import read_parquet, write_csv
from featherbench.statistics.tables import COMPUTE


def main(options: Namespace) -> None:
    """Compute and write every table."""
    plan, samples = Plan.read(options.plan), read_parquet(options.samples, ANALYSED)
    for name, compute in COMPUTE.items():
        write_csv(compute(samples, plan), options.tables_dir / f"{name}.csv")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan")
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--tables-dir", type=Path, required=True, help="where to write the tables")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
