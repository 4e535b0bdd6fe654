# SPDX-License-Identifier: Apache-2.0
"""The tables of a real run, and of the paper's data, stay as they were when they were recorded.

`tests/data/golden/run` has the samples and tables of a run with Docker, LXD, a process and an
emulated guest, on a shared virtual machine with two cores; `plauth2017` those of the paper's data.
"""

import pandas as pd
import pytest

import analyze
import paper_tables
from featherbench.paths import RESOURCES
from featherbench.statistics.tables import COMPUTE

pytestmark = pytest.mark.slow
SENTENCES = ("ci_note", "detail", "reading")
"""Columns whose wording may change; their numbers may not."""
NUMBER = r"[-+]?\d+\.?\d*(?:e[-+]\d+)?"
PAPERS = ("summary", "anova", "posthoc", "samples")


@pytest.fixture(scope="module")
def golden(repository):
    return repository / "tests/data/golden"


@pytest.fixture(scope="module")
def tables(golden, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    run = golden / "run"
    analyze.main(run / "plan.json", run / "samples.parquet", folder)
    return folder


@pytest.fixture(scope="module")
def papers_tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers")
    paper_tables.main(RESOURCES / "plauth2017", folder)
    return folder


def require_equal(recorded, computed):
    """Numbers are compared to nine digits: sums in another order differ in the last ones."""
    before, now = pd.read_csv(recorded), pd.read_csv(computed)
    assert not set(before) - set(now)
    for table in (before, now):
        for column in table.columns.intersection(SENTENCES):
            table[column] = table[column].str.findall(NUMBER).str.join(" ")
    pd.testing.assert_frame_equal(now[list(before)], before, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", COMPUTE)
def test_the_tables_of_a_real_run(golden, tables, name):
    require_equal(golden / f"run/{name}.csv.gz", tables / f"{name}.csv")


@pytest.mark.parametrize("name", PAPERS)
def test_the_tables_of_the_papers_data(golden, papers_tables, name):
    require_equal(golden / f"plauth2017/{name}.csv.gz", papers_tables / f"{name}.csv")
