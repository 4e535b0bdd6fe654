# SPDX-License-Identifier: Apache-2.0
"""Write the report: one HTML file that opens offline, of whatever has been measured."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import fields
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.report.inputs import Sources, read
from featherbench.report.page import render

PARTS = tuple(field.name for field in fields(Sources))


def main(given: Namespace) -> None:
    """Read, render, write."""
    sources = Sources(**{part: getattr(given, part) for part in PARTS})
    write_atomic(given.output, render(read(sources)))


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    for part in PARTS:
        option = "--" + part.replace("_", "-")
        parser.add_argument(option, type=Path, required=True, help="may be missing or empty")
    parser.add_argument("--output", type=Path, required=True, help="the report")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
