# SPDX-License-Identifier: Apache-2.0
"""Test the paper's published data like our own runs, and as the paper did."""

from pathlib import Path

import pandas as pd

from featherbench.jobs import job_runner
from featherbench.plauth2017.claims.all_claims import (
    evidence_table,
    judge_by_tukey,
    statements_table,
)
from featherbench.plauth2017.claims.by_tukey import papers_tests
from featherbench.plauth2017.data.published import REPLICATE, read_samples, read_summary
from featherbench.statistics.data.replicates import summarized
from featherbench.statistics.data.table_io import write_csv, write_parquet
from featherbench.statistics.inference.anova import analyse


def main(published: Path, tables_dir: Path) -> None:
    """Read the folder of the paper's data, compute, write."""
    samples, summary = read_samples(published), read_summary(published)
    compared = list(summarized(summary, REPLICATE))
    posthoc = papers_tests(summary)
    claims = judge_by_tukey(summary, posthoc)
    write_parquet(samples, tables_dir / "samples.parquet")
    write_csv(samples, tables_dir / "samples.csv")
    write_csv(summary, tables_dir / "summary.csv")
    anova = pd.concat([analyse(compared), analyse(compared, unweighted=True)])
    write_csv(anova, tables_dir / "anova.csv")
    write_csv(posthoc, tables_dir / "posthoc.csv")
    write_csv(statements_table(claims), tables_dir / "claims.csv")
    write_csv(evidence_table(claims), tables_dir / "evidence.csv")


if __name__ == "__main__":
    job_runner.run(main)
