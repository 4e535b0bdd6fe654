# SPDX-License-Identifier: Apache-2.0
"""Latencies of several windows as one, and which figures are made of them."""

import json
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import DATA, window
from featherbench.records.cell import Measure, Verdict
from featherbench.statistics.data import histograms
from featherbench.statistics.data.replicates import comparisons, deployment_means
from featherbench.statistics.data.samples import samples_of
from featherbench.statistics.run_comparison import changes
from featherbench.statistics.summary import summarize

STATISTICS = ("mean", "p50", "p90", "p95", "p99", "p999")
FAST_NS, STALL_NS = 100_000, 200_000_000
LATENCY = "http_latency"


def bucket(value_ns):
    """Return the least value of a value's bucket, as docs/load.md says."""
    width = 1 << max(0, math.floor(math.log2(max(value_ns, 1))) - 7)
    return value_ns // width * width


def histogram(values_ns):
    return tuple(sorted(Counter(map(bucket, values_ns)).items()))


@pytest.mark.parametrize("name", ["fb_http", "fb_get"])
def test_a_single_window_has_the_quantiles_that_the_load_generator_reports(name):
    said = json.loads((DATA / f"loadgens/{name}.txt").read_text())["latency_us"]
    counts = histograms.merged([said["buckets"]])
    assert sum(counts.values()) == said["count"]
    for statistic in STATISTICS:
        ours = histograms.statistic_us(counts, statistic, said["max"])
        assert ours == pytest.approx(said[statistic], rel=0.004 if statistic == "mean" else 1e-5)


@given(
    windows=st.lists(
        st.lists(st.integers(1, 10**11), min_size=1, max_size=200), min_size=1, max_size=4
    ),
    share=st.sampled_from([0.5, 0.9, 0.99, 0.999]),
)
def test_quantiles_and_means_of_merged_windows_are_those_of_all_values(windows, share):
    counts = histograms.merged(map(histogram, windows))
    values_us = np.sort(np.concatenate(windows)) / 1e3
    exact = values_us[math.ceil(share * len(values_us)) - 1]
    assert histograms.quantile_us(counts, share) == pytest.approx(exact, rel=0.01)
    assert histograms.mean_us(counts) == pytest.approx(values_us.mean(), rel=0.01)


def test_the_quantiles_are_in_order_and_the_maximum_is_the_greatest_of_the_windows():
    counts = histograms.merged([histogram([FAST_NS] * 99), histogram([STALL_NS])])
    assert histograms.statistic_us(counts, "max", 2e5) == 2e5
    assert histograms.quantile_us(counts, 0.99) == pytest.approx(100, rel=0.01)
    assert histograms.quantile_us(counts, 0.999) == pytest.approx(2e5, rel=0.01)


def latency_window(index, values_ns, *, main="", with_histogram=True, **changes):
    """A window with the latencies p99 and max; one of them may be its main figure."""
    figures = {
        f"{LATENCY}_p99": np.quantile(values_ns, 0.99, method="inverted_cdf") / 1e3,
        f"{LATENCY}_max": max(values_ns) / 1e3,
    }
    measures = [Measure(metric=m, value=v, unit="us") for m, v in figures.items() if m != main]
    value, unit = (figures[main], "us") if main else (1000.0, "requests/s")
    shown = histogram(values_ns) if with_histogram else ()
    return window(
        main or "http_throughput",
        value,
        unit=unit,
        index=index,
        secondary=tuple(measures),
        histogram=shown,
        **changes,
    )


QUIET = [FAST_NS] * 1000
STALLED = [FAST_NS] * 950 + [STALL_NS] * 50
"""One window in three with a stall: 1.7 % of all requests, so that the p99 of all is 200 ms."""


def deployment(make, number, *windows):
    platform = make.plan(("a-native",)).platforms[0]
    return make.cell(platform, "http", number, 100, windows)


@pytest.fixture
def samples(make):
    """Two deployments of three windows, in one of which there is a stall; and an invalid one."""
    main = f"{LATENCY}_p99"
    stalled = [latency_window(n, v, main=main) for n, v in enumerate((QUIET, STALLED, QUIET), 1)]
    quiet = [latency_window(n, QUIET, main=main) for n in (1, 2, 3)]
    bad = latency_window(4, STALLED, main=main, verdict=Verdict.INVALID, reasons=("no",))
    return samples_of([deployment(make, 1, *stalled), deployment(make, 2, *quiet, bad)])


def test_the_figure_of_a_deployment_is_that_of_its_merged_windows(samples):
    means = deployment_means(samples)
    assert list(means["mean"]) == pytest.approx([2e5, 100], rel=0.01)
    assert list(means["windows"]) == [3, 3]
    (by_window, by_deployment) = comparisons(samples)
    assert by_deployment[2]["mean"][0] == pytest.approx((2e5 + 100) / 2, rel=0.01)
    assert by_window[2]["mean"][0] == pytest.approx((2e5 + 5 * 100) / 6, rel=0.01)


def test_the_summary_and_the_comparison_of_runs_have_it_too(samples):
    row = summarize(samples).set_index("metric").loc[f"{LATENCY}_p99"]
    assert row["mean"] == pytest.approx((2e5 + 100) / 2, rel=0.01)
    assert (row["n"], row["deployments"], row["n_invalid"]) == (6, 2, 1)
    assert (row["ci_low"] + row["ci_high"]) / 2 == pytest.approx(row["mean"])
    changed = changes(samples, samples, 0.05, []).set_index("metric").loc[f"{LATENCY}_p99"]
    assert changed["mean_a"] == pytest.approx(row["mean"])


def test_throughput_and_latencies_without_histograms_are_averaged(make):
    with_one = [latency_window(1, QUIET), latency_window(2, STALLED, with_histogram=False)]
    samples = samples_of([deployment(make, 1, *with_one)])
    assert samples["merged"].isna().all()
    row = summarize(samples).set_index("metric").loc[f"{LATENCY}_p99"]
    assert row["mean"] == pytest.approx((2e5 + 100) / 2, rel=0.01)


def test_a_throughput_has_no_merged_figure_where_its_latencies_have(make):
    samples = samples_of([deployment(make, 1, latency_window(1, QUIET))]).set_index("metric")
    assert pd.isna(samples.loc["http_throughput", "merged"])
    assert samples.loc[f"{LATENCY}_max", "merged"] == pytest.approx(100)


def test_the_table_has_the_quantiles_that_enough_latencies_lie_beyond():
    counts = Counter(dict(histogram(range(1_000, 1_001_000, 1_000))))
    table = histograms.quantile_table({("http_open_latency", 5, "r5", "linux-native"): counts})
    assert list(table.columns) == histograms.COLUMNS
    assert set(table["count"]) == {1000}
    assert table["quantile"].max() == 0.99
    for row in table.to_dict("records"):
        assert row["value_us"] == histograms.quantile_us(
            dict(sorted(counts.items())), row["quantile"]
        )
        assert row["value_us"] == pytest.approx(1000 * row["quantile"], rel=0.01)


def test_without_histograms_the_table_has_no_rows():
    assert list(histograms.quantile_table({}).columns) == histograms.COLUMNS


def test_a_histogram_takes_little_room_in_a_cells_file_and_is_read_as_it_was_written():
    written = latency_window(1, STALLED)
    text = written.model_dump_json()
    assert f'"histogram":"{bucket(FAST_NS)}:950 {bucket(STALL_NS)}:50"' in text
    assert type(written).model_validate_json(text) == written
