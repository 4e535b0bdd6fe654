# SPDX-License-Identifier: Apache-2.0
"""Measure one cell and write its file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner, progress
from featherbench.jobs.measurement import measure_cell
from featherbench.records.cell import Deployment
from featherbench.records.job_specs import MeasureSpec
from featherbench.registry import folders_from_environment
from featherbench.testbed.session import session


def tell(line: str) -> None:
    """Say how it goes, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(given: Namespace) -> None:
    """Measure, write, tell the user."""
    spec = MeasureSpec.read(given.spec)
    deployment = Deployment.read(given.deployment) if given.deployment else None
    name = str(spec.coordinates(spec.concurrency))
    tell(progress.announce(name))
    try:
        with session(
            spec.testbed, spec.tuning, plugins=folders_from_environment(), what=given.job
        ) as testbed:
            cell = measure_cell(spec, testbed, deployment, logs=given.log.parent)
        cell.write(given.output)
    finally:
        progress.tick(name)  # one that failed is over, too
    tell(f"    {progress.summary(cell)}")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the MeasureSpec")
    parser.add_argument("--deployment", type=Path, help="the deploy record, for a leased instance")
    parser.add_argument("--output", type=Path, required=True, help="the cell's file")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
