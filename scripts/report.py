# SPDX-License-Identifier: Apache-2.0
"""Write the report of a results folder: one HTML file that opens offline."""

from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.plauth2017 import section
from featherbench.records.tables import REPLICATION
from featherbench.report.inputs import read
from featherbench.report.page import render


def main(results: Path, output: Path, log: Path, job: str) -> None:
    """Read the folder, any part of which may be missing; render, write."""
    job_runner.forget_parts(job)
    inputs = read(results, REPLICATION)
    sections = inputs.attempt("replication of the paper", lambda: [section.section(inputs)])
    write_atomic(output, render(inputs, sections))
    for part, error in inputs.faults.items():
        job_runner.record_part(error, job, part, log)


if __name__ == "__main__":
    job_runner.run(main)
