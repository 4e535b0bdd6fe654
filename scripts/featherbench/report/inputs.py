# SPDX-License-Identifier: Apache-2.0
"""Everything that the report is made from; each part may be missing or broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from featherbench.errors import FeatherbenchError, RecordError
from featherbench.records.base import Record
from featherbench.records.cell import Cell, Failure, Metric
from featherbench.records.instance import Image
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import Plan, PlannedPlatform
from featherbench.records.stopping_decisions import InterimLook, latest_looks, with_requested_cells
from featherbench.records.tables import ANALYSIS
from featherbench.statistics.data.samples import is_emulated
from featherbench.statistics.data.table_io import read_csv, read_parquet, require_computed

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The parts. A table that is missing is empty; `problems` says what is missing, and why.

    `cells` are those that the plan requests, or all if there is no plan. `looks` are the latest
    interim looks of sequential sampling. `figures` maps names to SVG text.
    """

    plan: Plan | None
    machine: MachineRecord | None
    samples: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    figures: dict[str, str]
    images: tuple[Image, ...]
    cells: tuple[Cell, ...]
    looks: tuple[InterimLook, ...]
    failures: tuple[Failure, ...]
    rulegraph: str | None
    problems: tuple[str, ...] = ()
    faults: dict[str, Exception] = field(default_factory=dict)
    """What went wrong, by part, while the report was made: a part costs no other."""

    def attempt(self, part: str, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """Return a part of the report; record its fault and return nothing if there is one."""
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one part's
            self.faults[part] = error
            return ()

    def failure_of(self, job: str) -> str:
        """Return why a job, or a part of one, failed; empty if it did not."""
        return next((failure.message for failure in self.failures if failure.job == job), "")

    @property
    def baseline(self) -> str:
        """The platform that all others are compared with."""
        return self.plan.baseline if self.plan else "linux-native"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that the workloads of the plan declare."""
        return self.plan.metrics if self.plan else ()

    def only(self, *, emulated: bool) -> Inputs:
        """Return the inputs with the table rows of emulated platforms, or of all others."""

        def chosen(table: pd.DataFrame) -> pd.DataFrame:
            return table[is_emulated(table) == emulated]

        tables = {name: chosen(table) for name, table in self.tables.items()}
        return replace(self, samples=chosen(self.samples), tables=tables)

    def platforms(self, *, emulated: bool) -> list[PlannedPlatform]:
        """Return the platforms of the plan that this machine can run, emulated or not."""
        planned = self.plan.platforms if self.plan else ()
        return [one for one in planned if one.available and one.emulated == emulated]


class Reader:
    """Reads parts, and records what could not be read."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def part(self, path: Path, read: Callable[[Path], T]) -> T | None:
        """Read a part; return None if it is missing or cannot be read."""
        try:
            return read(path)
        except FileNotFoundError:
            self.problems.append(f"{path} is missing")
        except RecordError as error:
            self.problems.append(error.message)
        except FeatherbenchError as error:
            self.problems.append(f"{path} cannot be read: {error.message}")
        except OSError as error:
            self.problems.append(f"{path} cannot be read: {error.strerror}")
        return None

    def records(self, model: type[R], folder: Path, pattern: str) -> tuple[R, ...]:
        """Read all records below a folder, in the order of their names."""
        records = (self.part(path, model.read) for path in sorted(folder.glob(pattern)))
        return tuple(record for record in records if record is not None)

    def table(self, path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
        """Read a table; return an empty one if it is missing or cannot be read."""
        table = self.part(path, lambda path: require_computed(read(path)))
        return pd.DataFrame() if table is None else table

    def text(self, path: Path) -> str | None:
        """Read a text; return None if it is missing or empty."""
        if path.is_file() and (text := path.read_text(encoding="utf-8", errors="replace").strip()):
            return text
        self.problems.append(f"{path} is missing")
        return None


def read(results: Path, other_tables: Sequence[str] = ()) -> Inputs:
    """Read all parts from a results folder; a missing part is a problem, not an error.

    `other_tables` are tables besides those of the analysis, for further sections of the report.
    """
    reader = Reader()
    configured = reader.part(results / "plan.json", Plan.read)
    plan = with_requested_cells(configured, results / "stopping") if configured else None
    requested = set(map(str, plan.cells())) if plan else None
    figures = sorted((results / "figures").glob("*.svg"))
    return Inputs(
        plan=plan,
        machine=reader.part(results / "machine.json", MachineRecord.read),
        samples=reader.table(results / "tables/samples.parquet", read_parquet),
        tables={
            name: reader.table(results / f"tables/{name}.csv", read_csv)
            for name in (*ANALYSIS, *other_tables)
        },
        figures={path.stem: svg for path in figures if (svg := reader.text(path))},
        images=reader.records(Image, results / "images", "*/*.json"),
        cells=tuple(
            cell
            for cell in reader.records(Cell, results / "cells", "*/*/*/*.json")
            if requested is None or str(cell.coordinates) in requested
        ),
        looks=tuple(latest_looks(plan, results / "stopping")) if plan else (),
        failures=reader.records(Failure, results / "failures", "**/*.json"),
        rulegraph=reader.text(results / "rulegraph.svg"),
        problems=tuple(reader.problems),
    )
