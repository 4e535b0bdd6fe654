# SPDX-License-Identifier: Apache-2.0
"""Samples from cells, with blocks, replicates and table_io."""

import pandas as pd
import pytest

from featherbench.errors import FeatherbenchError
from featherbench.records.cell import Measure, Verdict
from featherbench.statistics.data.samples import DTYPES, cell_files, gather, valid
from featherbench.statistics.data.table_io import read_csv, read_parquet, write_csv, write_parquet


@pytest.fixture
def small(make, tmp_path):
    """One cell on disk, of a plan of four."""
    plan = make.plan(make.TWO, levels=(1, 100), deployments=1, windows=2, workloads=("http",))
    windows = (
        make.window(
            "http_throughput",
            1000.0,
            requests=2000,
            secondary=(Measure(metric="http_latency_p99", value=5.0, unit="us"),),
            client_busy_fraction=0.5,
        ),
        make.window(
            "http_throughput",
            900.0,
            index=2,
            failures={"timeout": 2, "non_2xx": 3},
            verdict=Verdict.INVALID,
            reasons=("5 requests failed", "too short"),
        ),
    )
    cell = make.cell(plan.platforms[0], "http", 1, 100, windows)
    cell.write(tmp_path / "linux-native/http/d1/c100.json")
    return plan, tmp_path


def test_every_figure_of_every_window_is_a_row(small):
    samples = gather(*small)
    assert list(samples["metric"]) == ["http_throughput", "http_latency_p99", "http_throughput"]
    assert list(samples["primary"]) == [True, False, True]
    assert list(samples["window"]) == [1, 1, 2]
    assert list(samples["level"]) == [100, 100, 100]


def test_a_row_carries_its_window(small):
    bad = gather(*small).iloc[-1]
    assert bad["failures"] == 5
    assert bad["reasons"] == "5 requests failed; too short"
    assert bad["verdict"] == "invalid"
    assert pd.isna(bad["requests"])
    assert pd.isna(bad["client_busy_fraction"])


def test_what_is_not_planned_is_not_read(small, make):
    plan, folder = small
    stray = folder / "linux-native/http/d9/c100.json"
    make.cell(plan.platforms[0], "http", 9, 100, ()).write(stray)
    (folder / "linux-native/http/d1/notes.json").write_text("{}")
    assert set(gather(plan, folder)["deployment"]) == {1}


def test_a_broken_cell_names_itself_and_the_remedy(small):
    plan, folder = small
    (folder / "linux-native/http/d1/c1.json").write_text('{"schema_version": 1}')
    with pytest.raises(FeatherbenchError, match=r"c1\.json") as caught:
        gather(plan, folder)
    assert "`rm " in caught.value.remedy


def test_nothing_measured_gives_the_columns_all_the_same(make, tmp_path):
    samples = gather(make.plan(make.TWO), tmp_path)
    assert samples.empty
    assert {name: str(kind) for name, kind in samples.dtypes.items()} == DTYPES


def test_invalid_windows_are_not_valid(two):
    left = valid(two.samples)
    assert set(left["verdict"]) == {"ok", "suspect"}
    assert len(left) < len(two.samples)


def test_parquet_gives_back_what_it_was_given(two, tmp_path):
    write_parquet(two.samples, tmp_path / "samples.parquet")
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "samples.parquet"), two.samples)


def test_csv_keeps_a_platform_called_na(tmp_path):
    write_csv(pd.DataFrame({"platform": ["NA"], "value": [None]}), tmp_path / "a.csv")
    table = read_csv(tmp_path / "a.csv")
    assert table["platform"][0] == "NA"
    assert pd.isna(table["value"][0])


def test_histograms_of_valid_windows_are_added_up_by_load_point(make, tmp_path):
    plan = make.plan(("linux-native",), levels=("r5000",), workloads=("http",), deployments=2)
    (platform,) = plan.platforms
    verdicts = (Verdict.OK, Verdict.SUSPECT, Verdict.INVALID)
    windows = [
        make.window(
            "http_open_latency_p99", 1.0, index=n, verdict=verdict, histogram=((1000, 5), (2000, n))
        )
        for n, verdict in enumerate(verdicts, start=1)
    ]
    for number, path in enumerate(cell_files(plan, tmp_path), start=1):
        make.cell(platform, "http", number, "r5000", windows).write(path)
    latencies = {}
    gather(plan, tmp_path, latencies)
    key = ("http_open_latency", 5000, "r5000", "linux-native")
    assert latencies == {key: {1000: 4 * 5, 2000: 2 * (1 + 2)}}
