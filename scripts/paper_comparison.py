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
from featherbench.statistics.data.samples import with_load_points
from featherbench.statistics.data.table_io import (
    read_csv,
    read_parquet,
    require_computed,
    write_csv,
    write_reason,
)


def main(
    *,
    plan: Path,
    machine: Path,
    samples: Path,
    summary: Path,
    ratios: Path,
    published: Path,
    tables_dir: Path,
    log: Path,
    job: str,
) -> None:
    """Read, compare, write; `published` is the folder of the paper's data."""
    run = (Plan.read(plan), read_parquet(samples))
    ours, means, papers = read_csv(ratios), read_csv(summary), read_summary(published)
    compute = {
        "paper_comparison": lambda: compare(
            *run, require_computed(means), require_computed(ours), papers
        ),
        "paper_claims": lambda: own_claims(*run, require_computed(ours), papers),
        "paper_setup": lambda: setup(run[0], MachineRecord.read(machine)),
    }
    job_runner.make_parts(
        {name: tables_dir / f"{name}.csv" for name in REPLICATION},
        lambda file: write_csv(with_load_points(compute[file.stem](), run[0].metrics), file),
        write_reason,
        log=log,
        job=job,
    )


if __name__ == "__main__":
    job_runner.run(main)
