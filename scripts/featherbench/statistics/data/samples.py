# SPDX-License-Identifier: Apache-2.0
"""The tidy samples: one row for each value of a window, from the cells that the plan requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from featherbench.errors import FeatherbenchError
from featherbench.records.cell import Cell, Verdict, Window

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from featherbench.records.metric import Metric
    from featherbench.records.plan import Plan

DTYPES = {
    "platform": "str",
    "technology": "str",
    "hypervisor": "str",
    "network": "str",
    "emulated": "bool",
    "workload": "str",
    "metric": "str",
    "concurrency": "int64",
    "deployment": "int64",
    "window": "int64",
    "value": "float64",
    "unit": "str",
    "verdict": "str",
    "reasons": "str",
    "primary": "bool",
    "duration_s": "float64",
    "requests": "Int64",
    "failures": "int64",
    "client_busy_fraction": "float64",
    "server_busy_fraction": "float64",
    "client_cpu_s": "float64",
    "server_cpu_s": "float64",
    "instance_id": "str",
    "sequence": "int64",
    "started_monotonic_s": "float64",
    "machine_fingerprint": "str",
}
"""The columns of the samples, in order, with their types."""
NOT_ANALYSED = {
    "reasons",
    "requests",
    "failures",
    "client_busy_fraction",
    "server_busy_fraction",
    "client_cpu_s",
    "server_cpu_s",
    "instance_id",
    "machine_fingerprint",
}
"""Columns that no test and no figure uses once the windows have verdicts."""
ANALYSED = tuple(name for name in DTYPES if name not in NOT_ANALYSED)


def gather(plan: Plan, folder: Path) -> pd.DataFrame:
    """Read the cells under `folder` that `plan` requests into one frame of the columns DTYPES.

    Rows are in the plan's order. A requested cell without a file is left out; a file that is not
    requested is not read. Raise FeatherbenchError for a file that is not a cell.
    """
    emulated = {platform.name for platform in plan.platforms if platform.emulated}
    files = (path for path in cell_files(plan, folder) if path.exists())
    return samples_of(map(read_cell, files), emulated)


def samples_of(cells: Iterable[Cell], emulated: Container[str] = ()) -> pd.DataFrame:
    """Return the samples of cells, a frame of DTYPES; `emulated` names the emulated platforms."""
    windows: list[dict[str, Any]] = []
    values: list[tuple[int, str, float, str, bool]] = []
    for cell in cells:
        shared = _cell_columns(cell) | {"emulated": cell.coordinates.platform in emulated}
        for window in cell.windows:
            values += _values(window, len(windows))
            windows.append(shared | _window_columns(window))
    # A window has many values. Their shared columns are repeated by column, which is faster.
    tidy = pd.DataFrame(values, columns=["window_at", "metric", "value", "unit", "primary"])
    columns = pd.DataFrame(windows, columns=[name for name in DTYPES if name not in tidy])
    repeated = columns.take(tidy["window_at"].to_numpy()).reset_index(drop=True)
    return pd.concat([tidy, repeated], axis="columns")[list(DTYPES)].astype(DTYPES)


def cell_files(plan: Plan, folder: Path) -> Iterator[Path]:
    """Yield the file of every requested cell, whether or not it exists."""
    for platform, workload, deployment, concurrency in plan.cells():
        yield folder / platform / workload / f"d{deployment}" / f"c{concurrency}.json"


def valid(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that may enter a mean: all but the invalid ones."""
    return samples[samples["verdict"] != Verdict.INVALID.value]


def declared(samples: pd.DataFrame, metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Return, by name, the declarations of the metrics that occur in the samples."""
    metrics = tuple(metrics)
    names = (str(name) for name in samples["metric"].unique())
    by_name = {name: next(filter(None, (m.named(name) for m in metrics)), None) for name in names}
    return {name: metric for name, metric in by_name.items() if metric}


def latencies_of(throughput: Metric, metrics: Iterable[Metric]) -> dict[str, str]:
    """Return, by statistic, the names of the latencies of the same operation."""
    operation = (throughput.service, throughput.operation)
    return {
        metric.statistic: metric.name
        for metric in metrics
        if metric.aspect == "latency" and (metric.service, metric.operation) == operation
    }


def read_cell(path: Path) -> Cell:
    """Read a cell's file. Raise FeatherbenchError if it is not a cell."""
    try:
        return Cell.read(path)
    except ValidationError as error:
        raise FeatherbenchError(
            f"{path} is no cell that this version can read: {error.errors()[0]['msg']}",
            remedy="delete the file; the next run measures this cell again",
        ) from error


def _values(window: Window, window_at: int) -> Iterator[tuple[int, str, float, str, bool]]:
    """Yield `window_at`, metric, value and unit of each value, and whether it is the main one."""
    yield window_at, window.metric, window.value, window.unit, True
    for measure in window.secondary:
        yield window_at, measure.metric, measure.value, measure.unit, False


def _cell_columns(cell: Cell) -> dict[str, Any]:
    return cell.coordinates.model_dump() | {
        "instance_id": cell.instance.id if cell.instance else "",
        "sequence": cell.sequence,
        "machine_fingerprint": cell.machine_fingerprint,
    }


def _window_columns(window: Window) -> dict[str, Any]:
    copied = window.model_dump(
        include={
            "duration_s",
            "requests",
            "client_busy_fraction",
            "server_busy_fraction",
            "client_cpu_s",
            "server_cpu_s",
            "started_monotonic_s",
        }
    )
    return copied | {
        "window": window.index,
        "failures": sum(window.failures.values()),
        "verdict": window.verdict.value,
        "reasons": "; ".join(window.reasons),
    }
