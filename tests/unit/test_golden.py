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
TABLES = [*(f"run/{name}" for name in COMPUTE), *(f"plauth2017/{name}" for name in PAPERS)]


@pytest.fixture(scope="module")
def computed(repository, tmp_path_factory):
    """Compute all tables, into a folder for each of those in `tests/data/golden`."""
    folder, run = tmp_path_factory.mktemp("tables"), repository / "tests/data/golden/run"
    analyze.main(run / "plan.json", run / "samples.parquet", folder / "run", folder, "analyze")
    paper_tables.main(RESOURCES / "plauth2017", folder / "plauth2017")
    return folder


@pytest.mark.parametrize("table", TABLES)
def test_a_table_stays_as_it_was_recorded(repository, computed, table):
    """Numbers are compared to nine digits: sums in another order differ in the last ones."""
    before = pd.read_csv(repository / f"tests/data/golden/{table}.csv.gz")
    now = pd.read_csv(computed / f"{table}.csv")
    assert not set(before) - set(now)
    for frame in (before, now):
        for column in frame.columns.intersection(SENTENCES):
            frame[column] = frame[column].str.findall(NUMBER).str.join(" ")
    pd.testing.assert_frame_equal(now[list(before)], before, rtol=1e-9, atol=0)
