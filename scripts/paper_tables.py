# SPDX-License-Identifier: Apache-2.0
"""Test the paper's published data like our own runs, and as the paper did."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pandas as pd

from featherbench.jobs import job_runner
from featherbench.plauth2017.claims.all_claims import (
    evidence_table,
    judge_by_tukey,
    statements_table,
)
from featherbench.plauth2017.data.published import REPLICATE, read_samples, read_summary
from featherbench.statistics.data.replicates import summarized
from featherbench.statistics.data.table_io import write_csv, write_parquet
from featherbench.statistics.inference.anova import analyse, analyse_unweighted
from featherbench.statistics.inference.posthoc import (
    compare,
    compare_over_levels,
    compare_with_common_error,
    games_howell,
)

Compared = list[tuple[str, str, pd.DataFrame]]
"""Groups by metric and kind of replicate."""


def main(options: Namespace) -> None:
    """Read, compute, write."""
    folder: Path = options.tables_dir
    samples, summary = read_samples(options.published), read_summary(options.published)
    compared = list(summarized(summary, REPLICATE))
    posthoc = _compared(compared)
    claims = judge_by_tukey(summary, posthoc)
    write_parquet(samples, folder / "samples.parquet")
    write_csv(samples, folder / "samples.csv")
    write_csv(summary, folder / "summary.csv")
    write_csv(_analysed(compared), folder / "anova.csv")
    write_csv(posthoc, folder / "posthoc.csv")
    write_csv(statements_table(claims), folder / "claims.csv")
    write_csv(evidence_table(claims), folder / "evidence.csv")


def _analysed(compared: Compared) -> pd.DataFrame:
    return pd.concat([analyse(compared), analyse_unweighted(compared)], ignore_index=True)


def _compared(compared: Compared) -> pd.DataFrame:
    tests = (compare, compare_with_common_error, compare_over_levels, games_howell)
    return pd.concat([test(compared) for test in tests], ignore_index=True)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--published", type=Path, required=True, help="the folder of the data")
    parser.add_argument("--tables-dir", type=Path, required=True, help="where to write tables")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
