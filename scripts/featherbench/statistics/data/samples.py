# SPDX-License-Identifier: Apache-2.0
"""The tidy samples: one row a figure of a window, from the cells that the plan asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from featherbench.errors import FeatherbenchError
from featherbench.records.cell import Cell, Verdict, Window

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

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
"""The columns of the samples, in their order, with their types."""
OF_THE_WINDOW = {
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
"""What no test and no figure rests on, once the windows are judged."""
ANALYSED = tuple(name for name in DTYPES if name not in OF_THE_WINDOW)


def gather(plan: Plan, folder: Path) -> pd.DataFrame:
    """Read the cells under `folder` that `plan` asks for into one frame of the columns DTYPES.

    Rows are in the plan's order. A planned cell that has no file is left out; a file that is not
    planned is not read. Raises FeatherbenchError for a file that is no cell.
    """
    emulated = {platform.name for platform in plan.platforms if platform.emulated}
    files = (path for path in cell_files(plan, folder) if path.exists())
    return frame(map(read_cell, files), emulated)


def frame(cells: Iterable[Cell], emulated: Container[str] = ()) -> pd.DataFrame:
    """Put cells into one frame of the columns DTYPES; `emulated` names platforms that are."""
    windows: list[dict[str, Any]] = []
    measures: list[tuple[int, str, float, str, bool]] = []
    for cell in cells:
        place = _place(cell) | {"emulated": cell.coordinates.platform in emulated}
        for window in cell.windows:
            measures += _measures(window, len(windows))
            windows.append(place | _circumstances(window))
    # A window has many figures: what they share is repeated by column, not by row.
    figures = pd.DataFrame(measures, columns=["at", "metric", "value", "unit", "primary"])
    shared = pd.DataFrame(windows, columns=[name for name in DTYPES if name not in figures])
    repeated = shared.take(figures["at"].to_numpy()).reset_index(drop=True)
    return pd.concat([figures, repeated], axis="columns")[list(DTYPES)].astype(DTYPES)


def cell_files(plan: Plan, folder: Path) -> Iterator[Path]:
    """Give the file of every planned cell, whether or not it exists."""
    for platform, workload, deployment, concurrency in plan.cells():
        yield folder / platform / workload / f"d{deployment}" / f"c{concurrency}.json"


def valid(samples: pd.DataFrame) -> pd.DataFrame:
    """Give the rows that may enter a mean: all but the invalid ones."""
    return samples[samples["verdict"] != Verdict.INVALID.value]


def read_cell(path: Path) -> Cell:
    """Read a cell's file. Raises FeatherbenchError for one that is no cell."""
    try:
        return Cell.read(path)
    except ValidationError as error:
        raise FeatherbenchError(
            f"{path} is no cell that this version can read: {error.errors()[0]['msg']}",
            remedy="delete the file; the next run measures this cell again",
        ) from error


def _measures(window: Window, at: int) -> Iterator[tuple[int, str, float, str, bool]]:
    """Give the place of the window, and metric, value and unit of each figure; the main one first.

    The last says which that is.
    """
    yield at, window.metric, window.value, window.unit, True
    for measure in window.secondary:
        yield at, measure.metric, measure.value, measure.unit, False


def _place(cell: Cell) -> dict[str, Any]:
    return cell.coordinates.model_dump() | {
        "instance_id": cell.instance.id if cell.instance else "",
        "sequence": cell.sequence,
        "machine_fingerprint": cell.machine_fingerprint,
    }


def _circumstances(window: Window) -> dict[str, Any]:
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
