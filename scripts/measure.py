# SPDX-License-Identifier: Apache-2.0
"""Measure one cell and write its file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner, progress
from featherbench.jobs.deployment import measure_cell
from featherbench.records.cell import Deployment
from featherbench.records.job_specs import MeasureSpec
from featherbench.registry import folders_from_environment
from featherbench.testbed.session import session


def main(options: Namespace) -> None:
    """Measure the cell, write it, and show the progress."""
    spec = MeasureSpec.read(options.spec)
    deployment = Deployment.read(options.deployment) if options.deployment else None
    name = str(spec.coordinates(spec.concurrency))
    progress.show(progress.announce(name))
    try:
        with session(
            spec.testbed, spec.tuning, plugins=folders_from_environment(), what=options.job
        ) as testbed:
            cell = measure_cell(spec, testbed, deployment, logs=options.log.parent)
        cell.write(options.output)
    finally:
        progress.mark_done(name)  # also a cell that failed
    progress.show(f"    {progress.summary(cell)}")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the MeasureSpec")
    parser.add_argument("--deployment", type=Path, help="the deploy record, for a leased instance")
    parser.add_argument("--output", type=Path, required=True, help="the cell's file")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
