# SPDX-License-Identifier: Apache-2.0
"""Gather the requested cells into one tidy table, and screen their windows."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.records.stopping_decisions import with_requested_cells
from featherbench.statistics.data.samples import gather
from featherbench.statistics.data.table_io import write_long_csv, write_parquet
from featherbench.statistics.diagnostics.screening import screen


def main(options: Namespace) -> None:
    """Read, screen and write."""
    plan = with_requested_cells(Plan.read(options.plan), options.stopping)
    samples = screen(gather(plan, options.cells), plan.metrics)
    write_parquet(samples, options.parquet)
    write_long_csv(samples, options.csv)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan")
    parser.add_argument("--cells", type=Path, required=True, help="the folder of the cells")
    parser.add_argument("--stopping", type=Path, required=True, help="the interim looks")
    parser.add_argument("--parquet", type=Path, required=True, help="where to write the samples")
    parser.add_argument("--csv", type=Path, required=True, help="where to write them as CSV")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
