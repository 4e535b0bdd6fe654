# SPDX-License-Identifier: Apache-2.0
"""Draw the paper's figures from its published data, like those of our own runs."""

from functools import partial
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from featherbench.figures.render import FigureData, draw, draw_reason
from featherbench.jobs import job_runner
from featherbench.plauth2017.data.experiment import plan
from featherbench.plauth2017.figures import PAPERS_ENTRIES
from featherbench.statistics.data.table_io import read_csv, read_parquet


def main(*, samples: Path, summary: Path, figures_dir: Path, log: Path, job: str) -> None:
    """Read, draw, write."""
    mpl.use("agg")  # there may be no screen
    data = FigureData(
        plan=plan(),
        samples=read_parquet(samples),
        summary=read_csv(summary),
        ratios=pd.DataFrame(columns=["metric", "ratio"]),
    )
    job_runner.make_parts(
        {entry.name: entry for entry in PAPERS_ENTRIES},
        partial(draw, data=data, folder=figures_dir),
        partial(draw_reason, folder=figures_dir),
        log=log,
        job=job,
    )


if __name__ == "__main__":
    job_runner.run(main)
