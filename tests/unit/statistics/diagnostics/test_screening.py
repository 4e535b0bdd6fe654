# SPDX-License-Identifier: Apache-2.0
"""What only shows when windows are compared; also on the paper's published figures."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import METRICS
from featherbench.statistics.diagnostics.screening import screen


def frame(values, **columns):
    row = {
        "platform": "linux-native",
        "workload": "http",
        "metric": "http_throughput",
        "level": 100,
        "deployment": 1,
        "unit": "requests/s",
        "verdict": "ok",
        "reasons": "",
    }
    samples = pd.DataFrame({"value": values, **{k: [v] * len(values) for k, v in row.items()}})
    return samples.assign(window=range(1, len(values) + 1), **columns)


def levels(per_connection, concurrencies, latency_us=None):
    """Throughput, and p50 where given, with three windows a level that vary by a few per mille."""
    parts = []
    for number, level in enumerate(concurrencies):
        shared = {"level": level}
        rate = per_connection[number] * level
        parts.append(frame([rate, rate * 1.003, rate * 0.998], **shared))
        if latency_us:
            trip = latency_us[number]
            latency = frame([trip, trip * 1.01, trip * 0.99], metric="http_latency_p50", **shared)
            parts.append(latency)
    return pd.concat(parts, ignore_index=True)


def keywords(samples):
    return set(samples["reasons"].str.split(":").str[0]) - {""}


def test_values_that_vary_are_not_marked():
    samples = frame([100.1, 100.7, 99.2, 101.3, 100.4, 99.9])
    pd.testing.assert_frame_equal(screen(samples, METRICS), samples)


def test_the_same_figure_again_and_again_is_suspect():
    screened = screen(frame([2702702.7] * 5), METRICS)
    assert set(screened["verdict"]) == {"suspect"}
    assert set(screened["reasons"]) == {"few distinct values: 1 of 5"}


SPREAD_MS = [0.052, 0.058, 0.061, 0.055, 0.058]


@pytest.mark.parametrize(
    ("values", "metric", "reasons"),
    [
        pytest.param([100_000 / ms for ms in (37, 38, 37, 38, 39) * 3], "http_throughput",
                     {"few distinct values"}, id="the ticks of a coarse clock"),
        pytest.param([1.0] * 4, "http_throughput", set(), id="few windows"),
        *(pytest.param([3.0] * 10, metric, set(), id=f"{metric} is not timed") for metric in (
            "image_size_http", "memory_kv_load", "http_latency_p50", "image_size_kv_apparent")),
        pytest.param(SPREAD_MS * 6, "round_trip_time", set(), id="whole microseconds that spread"),
        pytest.param([0.052, 0.053] * 15, "round_trip_time",
                     {"few distinct values"}, id="microseconds that do not"),
    ],
)  # fmt: skip
def test_equal_values_are_suspect_where_they_were_timed(values, metric, reasons):
    assert keywords(screen(frame(values, metric=metric), METRICS)) == reasons


def test_invalid_windows_are_not_compared():
    samples = frame([1.0] * 7 + [5.0, 6.0, 7.0])
    samples["verdict"] = ["invalid"] * 7 + ["ok"] * 3
    assert keywords(screen(samples, METRICS)) == set()


def test_a_protocol_stall_is_suspect_at_its_levels_only():
    samples = levels([20, 20.2, 19.9, 9.0], [100, 200, 300, 700], [50e3, 50e3, 49e3, 110e3])
    screened = screen(samples, METRICS)
    marked = screened[screened["verdict"] == "suspect"]
    assert set(marked["level"]) == {100, 200, 300}
    assert set(marked["metric"]) == {"http_throughput"}
    assert keywords(screened) == {"protocol stall"}


@pytest.mark.parametrize(
    ("per_connection", "concurrencies", "latency_us", "reasons"),
    [
        pytest.param(
            [20, 20.2, 19.9], [100, 200, 300], None, {"protocol stall"}, id="Little's law"
        ),
        pytest.param([9000, 9050, 8990], [1, 2, 3], [110, 111, 112], set(), id="idle server"),
        pytest.param([20, 20], [100, 200], [50e3, 50e3], set(), id="two levels"),
        pytest.param([20, 17, 14], [100, 200, 300], [50e3] * 3, set(), id="rate falls"),
        pytest.param([20] * 3, [100, 200, 300], [10e3, 20e3, 30e3], set(), id="latency grows"),
    ],
)
def test_a_stall_is_the_same_rate_and_latency_at_several_levels(
    per_connection, concurrencies, latency_us, reasons
):
    samples = levels(per_connection, concurrencies, latency_us)
    assert keywords(screen(samples, METRICS)) == reasons


@pytest.mark.parametrize(
    ("machines", "sequence", "before", "after"),
    [
        (["old", "new", "new"], [1, 2, 3], "ok", ["suspect", "ok", "ok"]),
        (["old", "new"], [1, 2], ["invalid", "ok"], ["invalid", "ok"]),
        (["a", "b"], [9, 2], "ok", ["ok", "suspect"]),
    ],
    ids=["the newest counts", "invalid stays invalid", "a cell of the first machine was resumed"],
)
def test_cells_of_a_machine_other_than_the_newest_are_suspect(machines, sequence, before, after):
    values = [1.0, 2.0, 3.0][: len(machines)]
    more = {"machine_fingerprint": machines, "sequence": sequence, "verdict": before}
    screened = screen(frame(values, **more), METRICS)
    assert list(screened["verdict"]) == after
    told = screened["reasons"].str.startswith("other machine: ")
    assert list(told[screened["verdict"] != "ok"]) == [True]


def test_reasons_are_added_to_those_there_are():
    samples = frame([1.0] * 5).assign(verdict="suspect", reasons="steal: some")
    assert set(screen(samples, METRICS)["reasons"]) == {"steal: some; few distinct values: 1 of 5"}


def test_no_samples_are_no_trouble():
    empty = frame([1.0], machine_fingerprint="a", sequence=1).iloc[:0]
    assert screen(empty, METRICS).empty


RANK = {"ok": 0, "suspect": 1, "invalid": 2}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1.0, 2.0, 100.0, 2000.0]),
            st.sampled_from([1, 100, 200, 300]),
            st.sampled_from(sorted(RANK)),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_no_verdict_ever_gets_better_and_no_row_is_lost(rows):
    values, concurrencies, verdicts = zip(*rows, strict=True)
    samples = frame(list(values), level=list(concurrencies), verdict=list(verdicts))
    screened = screen(samples, METRICS)
    assert list(screened["value"]) == list(values)
    for before, after in zip(verdicts, screened["verdict"], strict=True):
        assert RANK[before] <= RANK[after]
    assert (screened["verdict"].eq("ok") <= screened["reasons"].eq("")).all()


@pytest.mark.parametrize(
    ("metric", "unit"),
    [("throughput", "requests/s"), ("offered", "requests/s"), ("latency_p99", "us")],
)
def test_what_an_open_loop_was_told_to_offer_may_be_the_same_again_and_again(metric, unit):
    samples = frame([5000.0] * 5, metric=f"http_open_{metric}", unit=unit, level=5000)
    assert not keywords(screen(samples, METRICS))


def test_a_rate_that_is_offered_is_no_protocol_stall():
    levels_of = (100, 200, 400)
    rates = [frame([n, n * 1.01], metric="http_open_throughput", level=n) for n in levels_of]
    slow = {"metric": "http_open_latency_p50", "unit": "us"}
    latencies = [frame([41_000, 41_100], level=n, **slow) for n in levels_of]
    assert not keywords(screen(pd.concat([*rates, *latencies], ignore_index=True), METRICS))
