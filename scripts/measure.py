# SPDX-License-Identifier: Apache-2.0
"""Measure one cell and write its file."""

from pathlib import Path

from featherbench.jobs import job_runner, progress
from featherbench.jobs.deployment import measure_cell
from featherbench.records.cell import Cell, Deployment
from featherbench.records.job_specs import MeasureSpec
from featherbench.testbed.session import session


def main(
    spec: Path,
    output: Path,
    log: Path,
    job: str,
    *,
    deployment: Path | None = None,
    reach: Path | None = None,
) -> None:
    """Measure the cell, and show the progress.

    It is measured on a leased instance if there is a deploy record. `reach` is the cell that shows
    the rate which this cell's is given in percent of.
    """
    request = MeasureSpec.read(spec)
    leased = Deployment.read(deployment) if deployment else None
    reached = Cell.read(reach) if reach else None
    name = str(request.coordinates(request.load_point))
    progress.show(progress.announce(name))
    try:
        with session(request.testbed, request.tuning, what=job) as testbed:
            cell = measure_cell(request, testbed, leased, reached, logs=log.parent)
        cell.write(output)
    finally:
        progress.mark_done(name)  # also a cell that failed
    progress.show(f"    {progress.summary(cell)}")


if __name__ == "__main__":
    job_runner.run(main)
