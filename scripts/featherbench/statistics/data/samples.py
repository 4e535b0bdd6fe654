# SPDX-License-Identifier: Apache-2.0
"""The tidy samples: one row for each value of a window, from the cells that the plan requests.

Emulated platforms are a stratum of their own: no table pools them with the others. Emulation
replaces a processor feature that this machine lacks. Its figures do not measure virtualization, so
a test over both strata would find a difference that is of no interest.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from featherbench.records.cell import Cell, Measure, Metric, Verdict, Window
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.plan import Plan
from featherbench.statistics.data.histograms import Histogram, Latencies, merged, statistic_us

EMULATED = "emulated"
CPU_USE = ("client_busy_fraction", "server_busy_fraction", "client_cpu_s", "server_cpu_s")
DTYPES = {
    **dict.fromkeys(("platform", "technology", "hypervisor", "network"), "str"),
    EMULATED: "bool",
    **dict.fromkeys(("workload", "metric"), "str"),
    "load_point": "str",
    **dict.fromkeys(("level", "deployment", "window"), "int64"),
    **dict.fromkeys(("value", "merged"), "float64"),
    **dict.fromkeys(("unit", "verdict", "reasons"), "str"),
    "primary": "bool",
    "duration_s": "float64",
    "requests": "Int64",
    "failures": "int64",
    **dict.fromkeys(CPU_USE, "float64"),
    "instance_id": "str",
    "sequence": "int64",
    "started_monotonic_s": "float64",
    "machine_fingerprint": "str",
}
"""The columns of the samples, in order, with their types.

`merged` is the figure of all valid windows of a cell together where their mean is none, as of a
quantile: of latencies with histograms. Other figures have none.
"""
LATENCY = re.compile(r"(?P<of>.*_latency)_(?P<statistic>mean|p\d+|max)")
"""Names of latencies that a window's histogram has all of."""
NOT_ANALYSED = {"reasons", "requests", "failures", *CPU_USE, "instance_id", "machine_fingerprint"}
"""Columns that no test and no figure uses once the windows have verdicts."""
ANALYSED = tuple(name for name in DTYPES if name not in NOT_ANALYSED)
COPIED = {"duration_s", "requests", *CPU_USE, "started_monotonic_s"}
"""Columns that a window's record has under the same name."""


def gather(plan: Plan, folder: Path, latencies: Latencies | None = None) -> pd.DataFrame:
    """Read the cells under `folder` that `plan` requests into one frame of the columns DTYPES.

    Rows are in the plan's order. A requested cell without a file is left out; a file that is not
    requested is not read. Raise RecordError for a file that is not a cell. Histograms are added to
    `latencies`.
    """
    emulated = {platform.name for platform in plan.platforms if platform.emulated}
    files = (path for path in cell_files(plan, folder) if path.exists())
    cells = map(Cell.read, files)
    return samples_of(cells if latencies is None else _tallied(cells, latencies), emulated)


def _tallied(cells: Iterable[Cell], latencies: Latencies) -> Iterator[Cell]:
    """Yield the cells, and add up the histograms of their valid windows."""
    for cell in cells:
        where = cell.coordinates
        for window in cell.windows:
            if window.histogram and window.verdict is not Verdict.INVALID:
                for of in _latencies_us(window):
                    key = (of, where.load_point.level, str(where.load_point), where.platform)
                    latencies.setdefault(key, Counter()).update(dict(window.histogram))
        yield cell


def samples_of(cells: Iterable[Cell], emulated: Container[str] = ()) -> pd.DataFrame:
    """Return the samples of cells, a frame of DTYPES; `emulated` names the emulated platforms."""
    windows: list[dict[str, Any]] = []
    values: list[tuple[int, str, float, float | None, str, bool]] = []
    for cell in cells:
        shared = cell.coordinates.model_dump() | {
            "level": cell.coordinates.load_point.level,
            EMULATED: cell.coordinates.platform in emulated,
            "instance_id": cell.instance.id if cell.instance else "",
            "sequence": cell.sequence,
            "machine_fingerprint": cell.machine_fingerprint,
        }
        merged_us = _merged_us(cell.windows)
        for window in cell.windows:
            for is_main, measure in _measures(window):
                figures = measure.value, merged_us.get(measure.metric)
                values.append((len(windows), measure.metric, *figures, measure.unit, is_main))
            own = {
                "window": window.index,
                "failures": sum(window.failures.values()),
                "verdict": window.verdict.value,
                "reasons": "; ".join(window.reasons),
            }
            windows.append(shared | window.model_dump(include=COPIED) | own)
    # A window has many values. Their shared columns are repeated by column, which is faster.
    names = ["window_at", "metric", "value", "merged", "unit", "primary"]
    tidy = pd.DataFrame(values, columns=names)
    columns = pd.DataFrame(windows, columns=[name for name in DTYPES if name not in tidy])
    repeated = columns.take(tidy["window_at"].to_numpy()).reset_index(drop=True)
    return pd.concat([tidy, repeated], axis="columns")[list(DTYPES)].astype(DTYPES)


def cell_files(plan: Plan, folder: Path) -> Iterator[Path]:
    """Yield the file of every requested cell, whether or not it exists."""
    return (folder / f"{cell}.json" for cell in plan.cells())


def valid(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that may enter a mean: all but the invalid ones."""
    return samples[samples["verdict"] != Verdict.INVALID.value]


def declared(samples: pd.DataFrame, metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Return, by name, the declarations of the metrics that occur in the samples."""
    metrics = tuple(metrics)
    names = (str(name) for name in samples["metric"].unique())
    by_name = {name: next(filter(None, (m.named(name) for m in metrics)), None) for name in names}
    return {name: metric for name, metric in by_name.items() if metric}


def with_load_points(table: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Return the table with `load_point`, such as c100 or r5000, after its column `level`.

    It follows from the axis of the row's metric; a row without a level has none.
    """
    if "load_point" in table or not {"metric", "level"} <= set(table):
        return table
    axes = {name: metric.axis for name, metric in declared(table, metrics).items()}
    points = [
        None if pd.isna(level) else str(LoadPoint.at(axes.get(name, Axis.CONNECTIONS), int(level)))
        for name, level in zip(table["metric"], table["level"], strict=True)
    ]
    table = table.copy()
    at = list(table.columns).index("level") + 1
    table.insert(at, "load_point", pd.Series(points, index=table.index, dtype=object))
    return table


def latencies_of(figure: Metric, metrics: Iterable[Metric]) -> dict[str, str]:
    """Return, by statistic, the names of the latencies of the same operation in the same loop."""
    loop = "open_" if figure.aspect.startswith("open_") else ""
    sought = (f"{loop}latency", figure.service, figure.operation)
    return {
        metric.statistic: metric.name
        for metric in metrics
        if (metric.aspect, metric.service, metric.operation) == sought
    }


def _measures(window: Window) -> Iterator[tuple[bool, Measure]]:
    """Yield whether it is the main figure, and each figure."""
    yield True, Measure(metric=window.metric, value=window.value, unit=window.unit)
    yield from ((False, measure) for measure in window.secondary)


def _merged_us(windows: Iterable[Window]) -> dict[str, float]:
    """Return the latencies of all valid windows of a cell together, by metric.

    There are none where one of them has no histogram.
    """
    parts: defaultdict[str, list[tuple[Histogram, dict[str, float]]]] = defaultdict(list)
    for window in windows:
        if window.verdict is not Verdict.INVALID:
            for of, latencies_us in _latencies_us(window).items():
                parts[of].append((window.histogram, latencies_us))
    merged_us = {}
    for of, found in parts.items():
        if all(histogram for histogram, _ in found):
            counts = merged(histogram for histogram, _ in found)
            most_us = max(of_window.get("max", math.inf) for _, of_window in found)
            for name in set[str].intersection(*(set(of_window) for _, of_window in found)):
                merged_us[f"{of}_{name}"] = statistic_us(counts, name, most_us)
    return merged_us


def _latencies_us(window: Window) -> dict[str, dict[str, float]]:
    """Return a window's latencies, by what they are of and by statistic."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for _, measure in _measures(window):
        if name := LATENCY.fullmatch(measure.metric):
            found[name["of"]][name["statistic"]] = measure.value
    return found


def by_deployment(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the samples with the merged figure of its cell, if there is one, for each value.

    The mean over the windows of a deployment is then the deployment's figure.
    """
    if "merged" not in samples:
        return samples
    return samples.assign(value=samples["merged"].fillna(samples["value"]))


def is_emulated(table: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether its platform is emulated; without that column, none is."""
    if EMULATED in table.columns:
        return table[EMULATED].astype(bool)
    return pd.Series(data=False, index=table.index)


def strata(samples: pd.DataFrame) -> Iterator[tuple[bool, pd.DataFrame]]:
    """Yield the rows of platforms that are not emulated (False), then those of emulated ones.

    An empty stratum is left out, unless both are empty.
    """
    emulated = is_emulated(samples)
    for stratum in (False, True):
        if (emulated == stratum).any() or (samples.empty and not stratum):
            yield stratum, samples[emulated == stratum]


def per_stratum(
    make: Callable[[pd.DataFrame], pd.DataFrame], samples: pd.DataFrame, *, baseline: str = ""
) -> pd.DataFrame:
    """Make a table of each stratum alone, and concatenate them; the column EMULATED tells which.

    The rows of `baseline` are shared with the emulated stratum, so that it can be compared with
    them. An emulated baseline is not shared.
    """
    shared = samples[(samples["platform"] == baseline) & ~is_emulated(samples)]
    tables = [
        make(pd.concat([shared, rows]) if emulated else rows).assign(**{EMULATED: emulated})
        for emulated, rows in strata(samples)
    ]
    return pd.concat(tables, ignore_index=True)
