# SPDX-License-Identifier: Apache-2.0
"""Draw the figures of a plan."""

from pathlib import Path

import matplotlib as mpl

from featherbench.figures.render import FigureData, draw_all
from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.statistics.data.samples import ANALYSED
from featherbench.statistics.data.table_io import read_csv, read_parquet


def main(plan: Path, samples: Path, summary: Path, ratios: Path, figures_dir: Path) -> None:
    """Read and draw."""
    mpl.use("agg")  # there may be no screen
    data = FigureData(
        plan=Plan.read(plan),
        samples=read_parquet(samples, ANALYSED),
        summary=read_csv(summary),
        ratios=read_csv(ratios),
    )
    draw_all(data, figures_dir)


if __name__ == "__main__":
    job_runner.run(main)
