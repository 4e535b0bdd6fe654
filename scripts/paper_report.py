# SPDX-License-Identifier: Apache-2.0
"""Write the report of the paper's published data: its claims, tests and figures."""

from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.plauth2017.page import render
from featherbench.statistics.data.table_io import read_csv


def main(summary: Path, anova: Path, posthoc: Path, figures_dir: Path, output: Path) -> None:
    """Read, render, write."""
    page = render(
        summary=read_csv(summary),
        anova=read_csv(anova),
        posthoc=read_csv(posthoc),
        figures={path.stem: path.read_text(encoding="utf-8") for path in figures_dir.glob("*.svg")},
    )
    write_atomic(output, page)


if __name__ == "__main__":
    job_runner.run(main)
