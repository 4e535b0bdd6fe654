# SPDX-License-Identifier: Apache-2.0
"""Draw the paper's figures from its published data, like those of our own runs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from featherbench.figures.render import FigureData, figure, save
from featherbench.jobs import job_runner
from featherbench.plauth2017.data.experiment import plan
from featherbench.plauth2017.figures import PAPERS_ENTRIES
from featherbench.statistics.data.table_io import read_csv, read_parquet


def main(options: Namespace) -> None:
    """Read, draw, write."""
    mpl.use("agg")  # there may be no screen
    data = FigureData(
        plan=plan(),
        samples=read_parquet(options.samples),
        summary=read_csv(options.summary),
        ratios=pd.DataFrame(columns=["metric", "ratio"]),
    )
    for entry in PAPERS_ENTRIES:
        save(figure(entry, data), options.figures_dir, entry.name)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--summary", type=Path, required=True, help="the summary, as CSV")
    parser.add_argument("--figures-dir", type=Path, required=True, help="where to write figures")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
