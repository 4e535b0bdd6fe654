# SPDX-License-Identifier: Apache-2.0
"""Compare the results of a run, and its setup, with the paper's."""

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


def main(
    *,
    plan: Path,
    machine: Path,
    samples: Path,
    summary: Path,
    ratios: Path,
    published: Path,
    tables_dir: Path,
) -> None:
    """Read, compare, write; `published` is the folder of the paper's data."""
    run = (Plan.read(plan), read_parquet(samples))
    ours, papers = read_csv(ratios), read_summary(published)
    tables = {
        "paper_comparison": compare(*run, read_csv(summary), ours, papers),
        "paper_claims": own_claims(*run, ours, papers),
        "paper_setup": setup(run[0], MachineRecord.read(machine)),
    }
    for name in REPLICATION:
        write_csv(tables[name], tables_dir / f"{name}.csv")


if __name__ == "__main__":
    job_runner.run(main)
