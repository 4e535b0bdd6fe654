# SPDX-License-Identifier: Apache-2.0
"""Write the report of the paper's published data: its claims, tests and figures."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.plauth2017.page import render
from featherbench.statistics.data.table_io import read_csv


def main(options: Namespace) -> None:
    """Read, render, write."""
    figures = {path.stem: path.read_text() for path in options.figures_dir.glob("*.svg")}
    page = render(
        summary=read_csv(options.summary),
        anova=read_csv(options.anova),
        posthoc=read_csv(options.posthoc),
        figures=figures,
    )
    write_atomic(options.output, page)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    for name in ("summary", "anova", "posthoc"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="the table, as CSV")
    parser.add_argument("--figures-dir", type=Path, required=True, help="where the figures are")
    parser.add_argument("--output", type=Path, required=True, help="the report")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
