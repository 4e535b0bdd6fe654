# SPDX-License-Identifier: Apache-2.0
"""Marks windows that are suspect only when they are compared with each other.

A verdict never becomes better here. Values of suspect windows stay in the means, and are shown.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from featherbench.records.cell import Metric, Verdict
from featherbench.statistics.data.samples import declared, latencies_of, strata, valid
from featherbench.statistics.diagnostics.assumptions import NEEDED, SUSPICIOUS, checks

Marks = Iterator[tuple[pd.Index, str]]
"""The index of rows, and the reason why they are suspect or invalid."""

SERIES = ["platform", "workload", "metric"]
CELLS = [*SERIES, "level"]

TIMES = ("s", "ms", "us")
"""Units of time."""

UNSTEADY_P = 0.01
"""Adjusted within a check: all five together suspect at most one steady run in twenty."""

LEAST_WINDOWS = 5
"""Of fewer windows, half may be equal by chance."""
LEAST_DISTINCT_FRACTION = 0.5
UNTIMED = {
    *("image_size", "memory", "memory_throughput", "latency", "capacity"),
    *("open_latency", "open_throughput", "open_offered"),
}
"""Aspects of metrics: sizes do not vary, memory comes in pages, percentiles are the load
generator's own bins, a capacity is searched for in steps, and the rates of an open loop are set."""
STEPS = {"round_trip": 0.001}
"""By aspect, the resolution of a program's figures: ping's is 1 us. If the values spread over
several steps, equal values mean nothing."""
HARMLESS_STEPS = 2

LEAST_LEVELS = 3
"""Two levels are always on a straight line."""
SAME_RATE = 0.05
SAME_LATENCY = 0.10
LEAST_STALL_MS = 5.0
"""A delayed acknowledgement waits for 40 ms; below this, the server may have time to spare for more
connections."""


def screen(samples: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Return the samples with verdicts and reasons updated by all checks below.

    `samples` are tidy, see `data/samples.py`. Required columns are `platform`, `workload`,
    `metric`, `level`, `value`, `verdict` and `reasons`; `machine_fingerprint` and `sequence`
    only to compare machines. Several reasons of a row are joined by "; ".
    """
    metrics = tuple(metrics)
    believed = samples.copy()
    _mark(believed, impossible(samples), Verdict.INVALID)
    screened = believed.copy()
    for marks in (
        few_distinct(believed, metrics),
        stalled(believed, metrics),
        unsteady(believed),
        other_machine(believed),
    ):
        _mark(screened, marks, Verdict.SUSPECT)
    return screened


def _mark(samples: pd.DataFrame, marks: Marks, verdict: Verdict) -> None:
    for rows, reason in marks:
        earlier = samples.loc[rows, "reasons"]
        samples.loc[rows, "reasons"] = [f"{text}; {reason}" if text else reason for text in earlier]
        better = samples.loc[rows, "verdict"] != Verdict.INVALID.value
        samples.loc[rows[better], "verdict"] = verdict.value


def impossible(samples: pd.DataFrame) -> Marks:
    """Find times that are not above zero: a difference of two machines' clocks."""
    if "unit" in samples.columns:
        rows = samples.index[samples["unit"].isin(TIMES) & ~(samples["value"] > 0)]
        if len(rows):
            yield rows, "impossible: a time that is not above zero"


def unsteady(samples: pd.DataFrame) -> Marks:
    """Find series that drift, jump, settle or have several modes: see `assumptions.py`.

    Yield nothing if the samples lack a column that this needs.
    """
    if samples.empty or not set(samples.columns) >= NEEDED:
        return
    for _, rows in strata(samples):
        believed = valid(rows)
        table = checks(rows, SUSPICIOUS)
        for row in table[table["p_adj"] < UNSTEADY_P].to_dict("records"):
            series = believed["metric"] == row["metric"]
            if row["platform"]:
                series &= believed["platform"] == row["platform"]
            yield believed.index[series], f"{SUSPICIOUS[row['check']]}: {row['detail']}"


def few_distinct(samples: pd.DataFrame, metrics: Iterable[Metric]) -> Marks:
    """Find cells with too many equal values to have been timed: ticks of a clock, or copies."""
    aspects = {name: metric.aspect for name, metric in declared(samples, metrics).items()}
    believed = valid(samples)
    timed = believed.loc[~believed["metric"].map(aspects).isin(UNTIMED)]
    for (_, _, metric, _), rows in timed.groupby(CELLS, sort=False):
        distinct = rows["value"].nunique()
        if len(rows) < LEAST_WINDOWS or distinct >= LEAST_DISTINCT_FRACTION * len(rows):
            continue
        step = STEPS.get(aspects.get(str(metric), ""), float("inf"))
        if rows["value"].std() < HARMLESS_STEPS * step:
            yield rows.index, f"few distinct values: {distinct} of {len(rows)}"


def stalled(samples: pd.DataFrame, metrics: Iterable[Metric]) -> Marks:
    """Find throughput proportional to connections at constant latency: waiting, not work.

    Nagle's algorithm with delayed acknowledgements causes this: each connection gives the same few
    requests per second, however many there are. Without a measured latency, Little's law gives it.
    Yield the index of the throughput's rows at these levels, and the reason.
    """
    by_name = declared(samples, metrics)
    believed = valid(samples)
    rates = [name for name, metric in by_name.items() if metric.aspect == "throughput"]
    throughput = believed.loc[believed["metric"].isin(rates)]
    for (platform, workload, metric), rows in throughput.groupby(SERIES, sort=False):
        series = (believed["platform"] == platform) & (believed["workload"] == workload)
        latencies = latencies_of(by_name[str(metric)], by_name.values())
        typical = [latencies[name] for name in ("p50", "mean") if name in latencies]
        measured = [believed[series & (believed["metric"] == name)] for name in typical]
        latency_us = next((table for table in measured if len(table)), believed[:0])
        for levels in _stalls(_levels(rows, latency_us)):
            reason = (
                f"protocol stall: {levels['per_connection'].mean():.3g} requests/s a connection at "
                f"any number of them, each after {levels['latency_ms'].mean():.3g} ms"
            )
            yield rows.index[rows["level"].isin(levels.index)], reason


def _levels(throughput: pd.DataFrame, latency_us: pd.DataFrame) -> pd.DataFrame:
    """Return, by number of connections, the requests/s of each, and the latency in ms."""
    per_connection = throughput["value"] / throughput["level"]
    levels = per_connection.groupby(throughput["level"]).mean().to_frame("per_connection")
    levels = levels[levels["per_connection"] > 0].sort_index()
    measured_ms = latency_us.groupby("level")["value"].mean() / 1000
    implied_ms = 1000 / levels["per_connection"]
    levels["latency_ms"] = measured_ms.reindex(levels.index).fillna(implied_ms)
    return levels


def _stalls(levels: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the longest runs of neighbouring levels that look like a stall."""
    rates, latencies_ms = levels[["per_connection", "latency_ms"]].to_numpy().T
    first = 0
    while first <= len(levels) - LEAST_LEVELS:
        ends = range(first + LEAST_LEVELS, len(levels) + 1)
        stalls = [end for end in ends if _is_stall(rates[first:end], latencies_ms[first:end])]
        if stalls:
            yield levels.iloc[first : stalls[-1]]
        first = stalls[-1] if stalls else first + 1


def _is_stall(rates: np.ndarray, latencies_ms: np.ndarray) -> bool:
    return bool(
        _within(rates, SAME_RATE)
        and _within(latencies_ms, SAME_LATENCY)
        and latencies_ms.min() >= LEAST_STALL_MS
    )


def _within(values: np.ndarray, fraction: float) -> bool:
    """Return whether all values are within that fraction of their mean."""
    return bool((np.abs(values / values.mean() - 1) <= fraction).all())


def other_machine(samples: pd.DataFrame) -> Marks:
    """Find rows that were measured on a machine other than that of the newest row.

    Yield nothing if the samples lack a column that this needs.
    """
    if samples.empty or not {"machine_fingerprint", "sequence"} <= set(samples.columns):
        return
    newest = samples["machine_fingerprint"].iloc[samples["sequence"].argmax()]
    others = samples.index[samples["machine_fingerprint"] != newest]
    if len(others):
        yield others, "other machine: measured when the machine, or its set-up, was different"
