# SPDX-License-Identifier: Apache-2.0
"""Write the report of a results folder: one HTML file that opens offline."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.plauth2017 import section
from featherbench.records.tables import REPLICATION
from featherbench.report.inputs import read
from featherbench.report.page import render


def main(options: Namespace) -> None:
    """Read, render, write."""
    inputs = read(options.results, REPLICATION)
    write_atomic(options.output, render(inputs, [section.section(inputs)]))


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="any part may be missing")
    parser.add_argument("--output", type=Path, required=True, help="the report")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
