# SPDX-License-Identifier: Apache-2.0
"""Finds what makes windows suspect only when they are compared with each other.

It marks, and never improves a verdict; what it marks stays in the means, and is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.records.cell import Verdict
from featherbench.statistics.data import emulation
from featherbench.statistics.data.samples import valid
from featherbench.statistics.diagnostics.assumptions import NEEDED, SUSPICIOUS, checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

SERIES = ["platform", "workload", "metric"]
CELLS = [*SERIES, "concurrency"]

TIMES = ("s", "ms", "us")
"""Units of time."""

UNSTEADY_P = 0.01
"""Adjusted within a check: so all five together suspect one steady run in twenty at most."""

LEAST_WINDOWS = 5
"""Of fewer windows, half may well be alike by chance."""
LEAST_DISTINCT_FRACTION = 0.5
NOT_TIMED = r"^image_size_|^memory_|_latency_"
"""Sizes do not vary, memory comes in pages, and percentiles are the load generator's own bins."""
STEPS = {"round_trip_time": 0.001}
"""The step that a program prints its figures in: ping's is 1 us. As long as the values spread over
several steps, that many are alike says nothing."""
HARMLESS_STEPS = 2

LEAST_LEVELS = 3
"""Two levels are always on a straight line."""
SAME_RATE = 0.05
SAME_LATENCY = 0.10
LEAST_STALL_MS = 5.0
"""A delayed acknowledgement waits for 40 ms; below this, more connections may simply find a server
that has time for them."""
THROUGHPUT = "_throughput"


def screen(samples: pd.DataFrame) -> pd.DataFrame:
    """Give the samples with verdicts and reasons updated by all checks below.

    `samples` are tidy, see `statistics/data/samples.py`; of its columns, `platform`, `workload`,
    `metric`, `concurrency`, `value`, `verdict` and `reasons` are needed; `host_fingerprint` and
    `sequence` only to compare hosts. `reasons` of a row are joined by "; ".
    """
    believed = samples.copy()
    for rows, reason in impossible(samples):
        _mark(believed, rows, reason, Verdict.INVALID)
    screened = believed.copy()
    for check in (few_distinct, stalled, unsteady, other_machine):
        for rows, reason in check(believed):
            _mark(screened, rows, reason, Verdict.SUSPECT)
    return screened


def _mark(samples: pd.DataFrame, rows: pd.Index, reason: str, verdict: Verdict) -> None:
    earlier = samples.loc[rows, "reasons"]
    samples.loc[rows, "reasons"] = [f"{given}; {reason}" if given else reason for given in earlier]
    better = samples.loc[rows, "verdict"] != Verdict.INVALID.value
    samples.loc[rows[better], "verdict"] = verdict.value


def impossible(samples: pd.DataFrame) -> Iterator[tuple[pd.Index, str]]:
    """Find times that are not above zero: clocks of two machines, subtracted.

    Yields the rows' index and the reason.
    """
    if "unit" in samples.columns:
        rows = samples.index[samples["unit"].isin(TIMES) & ~(samples["value"] > 0)]
        if len(rows):
            yield rows, "impossible: a time that is not above zero"


def unsteady(samples: pd.DataFrame) -> Iterator[tuple[pd.Index, str]]:
    """Find series that drift, jump, settle or gather around two points: see `checks.py`.

    Yields the index of the series' rows and the reason; nothing where the samples do not tell.
    """
    if samples.empty or not set(samples.columns) >= NEEDED:
        return
    for _, rows in emulation.groups(samples):
        believed = valid(rows)
        found = checks(rows, SUSPICIOUS)
        for row in found[found["p_adj"] < UNSTEADY_P].to_dict("records"):
            series = believed["metric"] == row["metric"]
            if row["platform"]:
                series &= believed["platform"] == row["platform"]
            yield believed.index[series], f"{SUSPICIOUS[row['check']]}: {row['detail']}"


def few_distinct(samples: pd.DataFrame) -> Iterator[tuple[pd.Index, str]]:
    """Find cells whose figures are too alike to have been timed: a clock's ticks, or copies.

    Yields the rows' index and the reason.
    """
    believed = valid(samples)
    timed = believed.loc[~believed["metric"].str.contains(NOT_TIMED)]
    for (_, _, metric, _), rows in timed.groupby(CELLS, sort=False):
        distinct = rows["value"].nunique()
        if len(rows) < LEAST_WINDOWS or distinct >= LEAST_DISTINCT_FRACTION * len(rows):
            continue
        if rows["value"].std() < HARMLESS_STEPS * STEPS.get(str(metric), float("inf")):
            yield rows.index, f"few distinct values: {distinct} of {len(rows)}"


def stalled(samples: pd.DataFrame) -> Iterator[tuple[pd.Index, str]]:
    """Find throughput proportional to connections at constant latency: waiting, not work.

    Nagle's algorithm against delayed acknowledgements does that: each connection gives the same few
    requests a second, however many there are. Where no latency was measured, Little's law gives it.
    Yields the index of the throughput's rows at these levels, and the reason.
    """
    believed = valid(samples)
    throughput = believed.loc[believed["metric"].str.endswith(THROUGHPUT)]
    for (platform, workload, metric), rows in throughput.groupby(SERIES, sort=False):
        latencies = believed.loc[
            (believed["platform"] == platform)
            & (believed["workload"] == workload)
            & believed["metric"].isin(_latency_metrics(str(metric)))
        ]
        for levels in _stalls(_levels(rows, latencies)):
            yield rows.index[rows["concurrency"].isin(levels.index)], _stall_reason(levels)


def _stall_reason(levels: pd.DataFrame) -> str:
    return (
        f"protocol stall: {levels['per_connection'].mean():.3g} requests/s a connection at any "
        f"number of them, each after {levels['latency_ms'].mean():.3g} ms"
    )


def _latency_metrics(throughput: str) -> list[str]:
    prefix = throughput.removesuffix(THROUGHPUT)
    return [f"{prefix}_latency_p50", f"{prefix}_latency_mean"]


def _levels(throughput: pd.DataFrame, latency_us: pd.DataFrame) -> pd.DataFrame:
    """By concurrency, ascending: requests/s a connection, and the latency in milliseconds."""
    per_connection = throughput["value"] / throughput["concurrency"]
    levels = per_connection.groupby(throughput["concurrency"]).mean().to_frame("per_connection")
    levels = levels[levels["per_connection"] > 0].sort_index()
    medians = latency_us["metric"].str.endswith("_p50")
    chosen = latency_us[medians] if medians.any() else latency_us
    measured_ms = chosen.groupby("concurrency")["value"].mean() / 1000
    implied_ms = 1000 / levels["per_connection"]
    levels["latency_ms"] = measured_ms.reindex(levels.index).fillna(implied_ms)
    return levels


def _stalls(levels: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the longest runs of neighbouring levels that look like a stall."""
    first = 0
    while first <= len(levels) - LEAST_LEVELS:
        ends = range(first + LEAST_LEVELS, len(levels) + 1)
        runs = [levels.iloc[first:end] for end in ends if _is_stall(levels.iloc[first:end])]
        if runs:
            yield runs[-1]
        first += len(runs[-1]) if runs else 1


def _is_stall(levels: pd.DataFrame) -> bool:
    return bool(
        _within(levels["per_connection"], SAME_RATE)
        and _within(levels["latency_ms"], SAME_LATENCY)
        and levels["latency_ms"].min() >= LEAST_STALL_MS
    )


def _within(values: pd.Series, fraction: float) -> bool:
    """Whether all values are within that fraction of their mean."""
    return bool(((values / values.mean() - 1).abs() <= fraction).all())


def other_machine(samples: pd.DataFrame) -> Iterator[tuple[pd.Index, str]]:
    """Find rows that were measured when the host was another than for the newest row.

    Yields the rows' index and the reason; nothing where the samples do not tell.
    """
    if samples.empty or not {"machine_fingerprint", "sequence"} <= set(samples.columns):
        return
    newest = samples["machine_fingerprint"].iloc[samples["sequence"].argmax()]
    others = samples.index[samples["machine_fingerprint"] != newest]
    if len(others):
        yield others, "other host: measured when the machine, or its set-up, was another"
