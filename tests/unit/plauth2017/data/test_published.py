# SPDX-License-Identifier: Apache-2.0
import shutil

import pandas as pd
import pytest

from featherbench.errors import FeatherbenchError
from featherbench.paths import RESOURCES
from featherbench.plauth2017.data.experiment import EXPERIMENT, PLATFORMS
from featherbench.plauth2017.data.published import read_samples, read_summary
from featherbench.statistics.data.table_io import read_csv
from featherbench.statistics.summary import COLUMNS, summarize

PUBLISHED = RESOURCES / "plauth2017"
FILES = [metric.file for metric in EXPERIMENT.metrics]


def _row(summary, platform, metric, level=1):
    names = ["platform", "metric", "level"]
    return summary.set_index(names).loc[(platform, metric, level)]


def test_every_published_value_is_there_once(samples, summary):
    assert {path.name for path in PUBLISHED.glob("*.csv")} == set(FILES)
    assert len(samples) == 2 * 8 * 30 + 8 + 7 + 7
    assert len(summary) == 110 + 2 * 80 + 2 * 8 + 8 + 7 + 7
    assert not summary.duplicated(["platform", "metric", "level"]).any()
    assert set(summary["platform"]) == set(PLATFORMS)


def test_summaries_are_as_published(summary):
    row = _row(summary, "linux-native", "http_throughput", 600)
    assert (row["mean"], row["sd"], row["n"]) == (70933, 9655, 30)
    assert _row(summary, "mirageos-xen", "http_throughput", 100)["n"] == 10
    assert _row(summary, "osv-kvm", "kv_get_throughput", 300)["sd"] == 39967.14


def test_single_values_are_summarized_as_ours_are(samples, summary):
    startup = read_csv(PUBLISHED / "startup_time.csv")
    own = startup[(startup["technology"] == "osv") & (startup["host"] == "kvm")]["seconds"]
    row = _row(summary, "osv-kvm", "startup_time")
    assert (row["mean"], row["sd"], row["n"]) == pytest.approx((own.mean(), own.std(), 30))
    assert row["median"] == pytest.approx(own.median())
    raw = summarize(samples)
    assert list(summary.columns) == COLUMNS == list(raw.columns)
    columns = ["platform", "metric", "mean", "sd", "ci_low", "ci_high"]
    mine = summary[summary["metric"].isin(raw["metric"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine[columns], raw[columns])


def test_what_looks_like_a_stall_in_the_published_means_is_suspect(summary):
    """MirageOS answers 20 to 21 requests/s a connection at 100, 200 and 300: some 48 ms each."""
    suspect = summary[summary["n_suspect"] > 0]
    assert set(suspect["platform"]) == {"mirageos-xen"}
    assert list(suspect["level"]) == [100, 200, 300]
    assert (suspect["n_suspect"] == suspect["n"]).all()
    counts = summary[["n_ok", "n_suspect", "n_invalid"]].sum(axis=1)
    assert (counts == summary["n"]).all()
    assert suspect["ci_note"].str.contains("protocol stall: 20.8 requests/s a connection").all()


def test_one_value_has_no_interval_and_says_so(summary):
    sizes = summary[summary["metric"] == "image_size"]
    assert sizes[["sd", "ci_low", "ci_high"]].isna().all(axis=None)
    assert sizes["ci_note"].str.contains("one published value").all()


def test_a_platform_that_the_paper_lacks_is_refused(tmp_path):
    for name in FILES:
        shutil.copy(PUBLISHED / name, tmp_path)
    with (tmp_path / "image_size.csv").open("a") as file:
        file.write("nanos,kvm,7\n")
    for read in (read_samples, read_summary):
        with pytest.raises(FeatherbenchError, match="nanos-kvm"):
            read(tmp_path)
