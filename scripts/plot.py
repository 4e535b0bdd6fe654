# SPDX-License-Identifier: Apache-2.0
"""Draw the figures of a plan."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import matplotlib as mpl

from featherbench.figures.render import FigureData, draw_all
from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.statistics.data.samples import ANALYSED
from featherbench.statistics.data.table_io import read_csv, read_parquet


def main(options: Namespace) -> None:
    """Read and draw."""
    mpl.use("agg")  # there may be no screen
    data = FigureData(
        plan=Plan.read(options.plan),
        samples=read_parquet(options.samples, ANALYSED),
        summary=read_csv(options.summary),
        ratios=read_csv(options.ratios),
    )
    draw_all(data, options.figures_dir)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan")
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--summary", type=Path, required=True, help="the summary, as CSV")
    parser.add_argument("--ratios", type=Path, required=True, help="the ratios, as CSV")
    parser.add_argument("--figures-dir", type=Path, required=True, help="where to write figures")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
