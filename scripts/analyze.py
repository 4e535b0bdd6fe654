# SPDX-License-Identifier: Apache-2.0
"""Summarize the samples, and test which platforms differ."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench import job
from featherbench.statistics.anova import anova
from featherbench.statistics.posthoc import posthoc
from featherbench.statistics.summary import summarize
from featherbench.statistics.tables import read_parquet, write_csv


def main(given: Namespace) -> None:
    """Read, compute and write."""
    samples = read_parquet(given.samples)
    write_csv(summarize(samples), given.summary)
    write_csv(anova(samples), given.anova)
    write_csv(posthoc(samples), given.posthoc)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--summary", type=Path, required=True, help="CSV, to be written")
    parser.add_argument("--anova", type=Path, required=True, help="CSV, to be written")
    parser.add_argument("--posthoc", type=Path, required=True, help="CSV, to be written")
    sys.exit(job.run(main, job.arguments(parser)))
