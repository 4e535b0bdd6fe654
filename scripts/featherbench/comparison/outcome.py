# SPDX-License-Identifier: Apache-2.0
"""What comes out of comparing two runs, as a record, as text and as an exit status."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from featherbench.comparison.run_differences import Difference, differences
from featherbench.records.base import Record
from featherbench.statistics.conventions import SIGNIFICANT_P
from featherbench.statistics.run_comparison import changes
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from featherbench.comparison.run import Run


class Reading(StrEnum):
    """What a comparison allows to say of B, in the order in which it is told."""

    WORSE = "worse"
    BETTER = "better"
    NOT_COMPARED = "not compared"
    UNDECIDED = "undecided"
    SAME = "same"


class Change(Record):
    """One metric of one platform at one level: B's over A's. None is what could not be computed.

    Means are of deployments' means, in `unit`; `ci_low` to `ci_high` is the ratio's 95 % interval;
    p-values are adjusted over all comparisons.
    """

    platform: str
    workload: str
    metric: str
    concurrency: int
    unit: str
    deployments_a: int
    deployments_b: int
    mean_a: float | None
    mean_b: float | None
    ratio: float | None
    ci_low: float | None
    ci_high: float | None
    p_change: float | None
    p_same: float | None
    test: str | None
    replicate: str | None
    note: str
    reading: Reading


class Outcome(Record):
    """All comparisons of two runs, and what else differs between them."""

    run_a: str
    run_b: str
    equivalence_margin_percent: float
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    changes: tuple[Change, ...]

    def having(self, reading: Reading) -> tuple[Change, ...]:
        """Give the changes of one reading."""
        return tuple(change for change in self.changes if change.reading is reading)

    @property
    def exit_status(self) -> int:
        """Give 1 where B is worse, else 2 where something could not be compared, else 0."""
        if self.having(Reading.WORSE):
            return 1
        return 2 if self.having(Reading.NOT_COMPARED) or not self.changes else 0


def compare(a: Run, b: Run, equivalence_margin_percent: float) -> Outcome:
    """Compare every main metric of two runs."""
    margin = equivalence_margin_percent / 100
    metrics = [metric for run in (a, b) if run.plan for metric in run.plan.metrics]
    table = changes(a.samples, b.samples, margin, metrics).astype(object)
    found = rows(table.where(table.notna(), None))
    return Outcome(
        run_a=str(a.folder),
        run_b=str(b.folder),
        equivalence_margin_percent=equivalence_margin_percent,
        differences=differences(a, b),
        unknown=(*a.unknown, *b.unknown),
        changes=tuple(Change(**row, reading=_reading(row)) for row in found),
    )


def _reading(row: dict[str, object]) -> Reading:
    match row:
        case {"p_change": float(p), "ratio": float(ratio)} if p < SIGNIFICANT_P:
            risen_is_good = higher_is_better(str(row["unit"]))
            return Reading.BETTER if (ratio > 1) == risen_is_good else Reading.WORSE
        case {"p_same": float(p)}:
            return Reading.SAME if p < SIGNIFICANT_P else Reading.UNDECIDED
        case _:
            return Reading.NOT_COMPARED


def higher_is_better(unit: str) -> bool:
    """Tell a rate, of which one wants much, from a cost: time, memory, size."""
    return unit.endswith("/s")
