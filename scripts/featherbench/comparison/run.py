# SPDX-License-Identifier: Apache-2.0
"""A finished run, read from its results folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from featherbench.errors import FeatherbenchError, RecordError
from featherbench.records.base import Record
from featherbench.records.cell import Cell
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import Plan
from featherbench.statistics.data.samples import DTYPES
from featherbench.statistics.data.table_io import read_parquet

R = TypeVar("R", bound=Record)
SAMPLES = "tables/samples.parquet"


@dataclass(frozen=True, kw_only=True)
class Run:
    """The samples and the records of a run; `unknown` lists records that are missing or broken.

    `cells` has one cell of each platform and workload, because all of them share image and code.
    """

    folder: Path
    samples: pd.DataFrame
    plan: Plan | None
    machine: MachineRecord | None
    cells: tuple[Cell, ...]
    unknown: tuple[str, ...] = ()

    def higher_is_better(self, metric: str, unit: str) -> bool:
        """Whether a higher value is better; if the metric is not declared, that of a rate is."""
        declared = self.plan.metric(metric) if self.plan else None
        return declared.better == "higher" if declared else unit.endswith("/s")


def read(folder: Path) -> Run:
    """Read a results folder. Raise FeatherbenchError if there are no samples to compare."""
    samples = _samples(folder)
    unknown: list[str] = []
    return Run(
        folder=folder,
        samples=samples,
        plan=_record(Plan, folder / "plan.json", unknown),
        machine=_record(MachineRecord, folder / "machine.json", unknown),
        cells=tuple(_cells(samples, folder / "cells", unknown)),
        unknown=tuple(unknown),
    )


def _samples(folder: Path) -> pd.DataFrame:
    file = folder / SAMPLES
    if not file.is_file():
        reason = f"it has no {SAMPLES}" if folder.is_dir() else "there is no such folder"
        raise FeatherbenchError(
            f"{folder} is not a results folder: {reason}", remedy=_remedy(folder)
        )
    samples = read_parquet(file)
    if missing := set(DTYPES) - set(samples.columns):
        raise FeatherbenchError(
            f"{file} is of another version: it lacks {', '.join(sorted(missing))}",
            remedy="run snakemake again, which makes the table from the cells",
        )
    return samples


def _remedy(folder: Path) -> str:
    for near in (folder / "results", folder.parent, folder.parent.parent):
        if (near / SAMPLES).is_file():
            return f"use {near}"
    return "use the folder `results` of a run of snakemake, or a copy of it"


def _record(model: type[R], file: Path, unknown: list[str]) -> R | None:
    try:
        return model.read(file)
    except OSError:
        unknown.append(f"{file} is missing")
    except RecordError:
        unknown.append(f"{file} cannot be read by this version")
    return None


def _cells(samples: pd.DataFrame, folder: Path, unknown: list[str]) -> Iterator[Cell]:
    for row in samples.drop_duplicates(["platform", "workload"]).itertuples():
        file = f"{row.platform}/{row.workload}/d{row.deployment}/{row.load_point}.json"
        if cell := _record(Cell, folder / file, unknown):
            yield cell
