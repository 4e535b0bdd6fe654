# SPDX-License-Identifier: Apache-2.0
"""Draw the figures of a plan."""

from functools import partial
from pathlib import Path

import matplotlib as mpl

from featherbench.figures.catalogue import specs_for
from featherbench.figures.render import FigureData, draw, draw_reason
from featherbench.jobs import job_runner
from featherbench.records.plan import Plan
from featherbench.statistics.data.samples import ANALYSED
from featherbench.statistics.data.table_io import read_csv, read_parquet


def main(
    *,
    plan: Path,
    samples: Path,
    summary: Path,
    ratios: Path,
    quantiles: Path,
    figures_dir: Path,
    log: Path,
    job: str,
) -> None:
    """Read and draw."""
    mpl.use("agg")  # there may be no screen
    data = FigureData(
        plan=Plan.read(plan),
        samples=read_parquet(samples, ANALYSED),
        summary=read_csv(summary),
        ratios=read_csv(ratios),
        quantiles=read_csv(quantiles),
    )
    job_runner.make_parts(
        {spec.name: spec for spec in specs_for(data.plan)},
        partial(draw, data=data, folder=figures_dir),
        partial(draw_reason, folder=figures_dir),
        log=log,
        job=job,
    )


if __name__ == "__main__":
    job_runner.run(main)
