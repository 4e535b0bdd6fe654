# SPDX-License-Identifier: Apache-2.0
"""Everything that the report is made from, each part of which may be missing or broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import pandas as pd
from pydantic import ValidationError

from featherbench.records.base import Record
from featherbench.records.cell import Cell, Failure
from featherbench.records.image import Image
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import Plan
from featherbench.records.stopping_decisions import InterimLook, latest_looks, with_requested_cells
from featherbench.statistics.data.table_io import read_csv, read_parquet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from featherbench.records.metric import Metric

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the parts are."""

    plan: Path
    machine: Path
    samples: Path
    summary: Path
    anova: Path
    posthoc: Path
    ratios: Path
    levels: Path
    components: Path
    checks: Path
    paper_comparison: Path
    paper_claims: Path
    paper_setup: Path
    figures_dir: Path
    images: Path
    cells: Path
    stopping: Path
    failures: Path
    rulegraph: Path


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The parts. A table that is missing is empty; `problems` says what is missing, and why.

    `cells` are those that the plan asks for, or all where there is no plan; `looks` are the latest
    at what decides how many it asks for. `figures` maps names to SVG text.
    """

    plan: Plan | None
    machine: MachineRecord | None
    samples: pd.DataFrame
    summary: pd.DataFrame
    anova: pd.DataFrame
    posthoc: pd.DataFrame
    ratios: pd.DataFrame
    levels: pd.DataFrame
    components: pd.DataFrame
    checks: pd.DataFrame
    paper_comparison: pd.DataFrame
    paper_claims: pd.DataFrame
    paper_setup: pd.DataFrame
    figures: dict[str, str]
    images: tuple[Image, ...]
    cells: tuple[Cell, ...]
    looks: tuple[InterimLook, ...]
    failures: tuple[Failure, ...]
    rulegraph: str | None
    problems: tuple[str, ...] = field(default=())

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that the plan's workloads declare."""
        return self.plan.metrics if self.plan else ()


class Reader:
    """Reads parts, and remembers what could not be read."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def record(self, model: type[R], path: Path) -> R | None:
        """Read a record; None where it is missing or cannot be read."""
        try:
            return model.read(path)
        except FileNotFoundError:
            self.problems.append(f"{path} is missing")
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            self.problems.append(f"{path} cannot be read: {where}: {first['msg']}")
        except OSError as error:
            self.problems.append(f"{path} cannot be read: {error.strerror}")
        return None

    def records(self, model: type[R], folder: Path, pattern: str) -> tuple[R, ...]:
        """Read all records below a folder, in the order of their names."""
        found = (self.record(model, path) for path in sorted(folder.glob(pattern)))
        return tuple(record for record in found if record is not None)

    def table(self, path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
        """Read a table; an empty one where it is missing or cannot be read."""
        if not path.exists():
            self.problems.append(f"{path} is missing")
            return pd.DataFrame()
        try:
            return read(path)
        except (ValueError, OSError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            self.problems.append(f"{path} cannot be read: {said}")
            return pd.DataFrame()

    def text(self, path: Path) -> str | None:
        """Read a text; None where it is missing or empty."""
        content = path.read_text(errors="replace").strip() if path.is_file() else ""
        if not content:
            self.problems.append(f"{path} is missing")
        return content or None


def read(sources: Sources) -> Inputs:
    """Read all parts; never fails for one that is missing."""
    reader = Reader()
    whole = reader.record(Plan, sources.plan)
    plan = with_requested_cells(whole, sources.stopping) if whole else None
    return Inputs(
        plan=plan,
        machine=reader.record(MachineRecord, sources.machine),
        samples=reader.table(sources.samples, _read_samples),
        summary=reader.table(sources.summary, read_csv),
        anova=reader.table(sources.anova, read_csv),
        posthoc=reader.table(sources.posthoc, read_csv),
        ratios=reader.table(sources.ratios, read_csv),
        levels=reader.table(sources.levels, read_csv),
        components=reader.table(sources.components, read_csv),
        checks=reader.table(sources.checks, read_csv),
        paper_comparison=reader.table(sources.paper_comparison, read_csv),
        paper_claims=reader.table(sources.paper_claims, read_csv),
        paper_setup=reader.table(sources.paper_setup, read_csv),
        figures={path.stem: path.read_text() for path in sorted(sources.figures_dir.glob("*.svg"))},
        images=reader.records(Image, sources.images, "*/*.json"),
        cells=_planned(plan, reader.records(Cell, sources.cells, "*/*/*/*.json")),
        looks=tuple(latest_looks(plan, sources.stopping)) if plan else (),
        failures=reader.records(Failure, sources.failures, "**/*.json"),
        rulegraph=reader.text(sources.rulegraph),
        problems=tuple(reader.problems),
    )


def _read_samples(path: Path) -> pd.DataFrame:
    return read_parquet(path) if path.suffix == ".parquet" else read_csv(path)


def _planned(plan: Plan | None, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Leave out what an earlier configuration measured, and this one does not ask for."""
    if plan is None:
        return cells
    asked = set(plan.cells())
    return tuple(cell for cell in cells if _key(cell) in asked)


def _key(cell: Cell) -> tuple[str, str, int, int]:
    where = cell.coordinates
    return where.platform, where.workload, where.deployment, where.concurrency
