# SPDX-License-Identifier: Apache-2.0
"""Summarize the samples, test which platforms differ, and by how much."""

from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.statistics.data.samples import ANALYSED
from featherbench.statistics.data.table_io import read_parquet, write_csv, write_reason
from featherbench.statistics.tables import COMPUTE


def main(plan: Path, samples: Path, tables_dir: Path, log: Path, job: str) -> None:
    """Compute and write every table."""
    requested, analysed = Plan.read(plan), read_parquet(samples, ANALYSED)
    files = {name: tables_dir / f"{name}.csv" for name in COMPUTE}
    job_runner.make_parts(
        files,
        lambda file: write_csv(COMPUTE[file.stem](analysed, requested), file),
        write_reason,
        log=log,
        job=job,
    )


if __name__ == "__main__":
    job_runner.run(main)
