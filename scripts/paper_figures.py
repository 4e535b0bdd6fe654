# SPDX-License-Identifier: Apache-2.0
"""Draw the paper's figures from its published data, as those of a run of ours are drawn."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import matplotlib as mpl

from featherbench import job
from featherbench.figures.drawing import figure, save
from featherbench.paper.experiment import plan
from featherbench.paper.figures import PAPERS_ENTRIES
from featherbench.statistics.tables import read_csv, read_parquet


def main(given: Namespace) -> None:
    """Read and draw."""
    mpl.use("agg")  # there may be no screen
    samples, summary = read_parquet(given.samples), read_csv(given.summary)
    for entry in PAPERS_ENTRIES:
        save(figure(entry, plan(), samples, summary), given.figures_dir, entry.name)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--summary", type=Path, required=True, help="the summary, as CSV")
    parser.add_argument("--figures-dir", type=Path, required=True, help="where to write figures")
    sys.exit(job.run(main, job.arguments(parser)))
