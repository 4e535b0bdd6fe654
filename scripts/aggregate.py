# SPDX-License-Identifier: Apache-2.0
"""Gather the requested cells into one tidy table, and screen their windows."""

from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.records.stopping_decisions import with_requested_cells
from featherbench.statistics.data.histograms import Latencies, quantile_table
from featherbench.statistics.data.samples import gather
from featherbench.statistics.data.table_io import write_csv, write_long_csv, write_parquet
from featherbench.statistics.diagnostics.screening import screen


def main(
    *, plan: Path, cells: Path, stopping: Path, parquet: Path, csv: Path, quantiles: Path
) -> None:
    """Read the folders of the cells and of the interim looks, and write the tables."""
    requested = with_requested_cells(Plan.read(plan), stopping)
    latencies: Latencies = {}
    samples = screen(gather(requested, cells, latencies), requested.metrics)
    write_csv(quantile_table(latencies), quantiles)
    write_parquet(samples, parquet)
    write_long_csv(samples, csv)


if __name__ == "__main__":
    job_runner.run(main)
