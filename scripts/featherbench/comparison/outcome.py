# SPDX-License-Identifier: Apache-2.0
"""The result of comparing two runs: a record, and an exit status."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from featherbench.comparison.run import Run
from featherbench.files import canonical_json
from featherbench.records.base import Record
from featherbench.statistics.conventions import SIGNIFICANT_P
from featherbench.statistics.run_comparison import changes
from featherbench.wording.formatting import rows
from featherbench.wording.phrases import label

NOTHING = "nothing"
NOT_COMPARED = {"recorded_utc", "findings", "fingerprint"}
"""Fields that change with every record; the fingerprint is compared by the samples."""


class Difference(Record):
    """A fact that is not the same in both runs, and may cause a change."""

    what: str
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.what}: {self.a} in A, {self.b} in B"


class ChangeReading(StrEnum):
    """What the tests say of a change from A to B, in the order of the output."""

    WORSE = "worse"
    BETTER = "better"
    NOT_COMPARED = "not compared"
    INCONCLUSIVE = "inconclusive"
    EQUIVALENT = "equivalent"


class Change(Record):
    """B divided by A for one metric of one platform at one level. None is not known.

    Means are over deployments' means, in `unit`. `ci_low` to `ci_high` is the 95 % interval of the
    ratio. p-values are adjusted over all comparisons.
    """

    platform: str
    workload: str
    metric: str
    load_point: str
    level: int
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
    label: str
    reading: ChangeReading


class ComparisonResult(Record):
    """All comparisons of two runs, and how the runs differ otherwise."""

    run_a: str
    run_b: str
    equivalence_margin_percent: float
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    changes: tuple[Change, ...]

    def with_reading(self, reading: ChangeReading) -> tuple[Change, ...]:
        """Return the changes with one reading."""
        return tuple(change for change in self.changes if change.reading is reading)

    @property
    def exit_status(self) -> int:
        """1 if B is worse, otherwise 2 if something could not be compared, otherwise 0."""
        if self.with_reading(ChangeReading.WORSE):
            return 1
        return 2 if self.with_reading(ChangeReading.NOT_COMPARED) or not self.changes else 0


def compare(a: Run, b: Run, equivalence_margin_percent: float) -> ComparisonResult:
    """Compare every main metric of two runs."""
    margin = equivalence_margin_percent / 100
    metrics = [metric for run in (a, b) if run.plan for metric in run.plan.metrics]
    table = changes(a.samples, b.samples, margin, metrics).astype(object)
    return ComparisonResult(
        run_a=str(a.folder),
        run_b=str(b.folder),
        equivalence_margin_percent=equivalence_margin_percent,
        differences=tuple(_differences(a, b)),
        unknown=(*a.unknown, *b.unknown),
        changes=tuple(
            Change(**row, label=label(b.plan, str(row["metric"])), reading=_reading(row, b))
            for row in rows(table.where(table.notna(), None))
        ),
    )


def _reading(row: dict[str, object], run: Run) -> ChangeReading:
    match row:
        case {"p_change": float(p), "ratio": float(ratio)} if p < SIGNIFICANT_P:
            higher_is_better = run.higher_is_better(str(row["metric"]), str(row["unit"]))
            improved = (ratio > 1) == higher_is_better
            return ChangeReading.BETTER if improved else ChangeReading.WORSE
        case {"p_same": float(p)}:
            return ChangeReading.EQUIVALENT if p < SIGNIFICANT_P else ChangeReading.INCONCLUSIVE
        case _:
            return ChangeReading.NOT_COMPARED


def _differences(a: Run, b: Run) -> Iterator[Difference]:
    """Yield all differences, the machine's first, in the records that both runs have."""
    for (kind, of_a), (_, of_b) in zip(_facts(a), _facts(b), strict=True):
        for key in dict.fromkeys((*of_a, *of_b)) if of_a and of_b else ():
            was, now = of_a.get(key, NOTHING), of_b.get(key, NOTHING)
            if was != now:
                yield Difference(what=f"{kind} {key}", a=was, b=now)


def _facts(run: Run) -> Iterator[tuple[str, dict[str, str]]]:
    fingerprints = sorted(run.samples["machine_fingerprint"].unique())
    machine = run.machine.model_dump(exclude=NOT_COMPARED) if run.machine else {}
    cells = {f"{c.coordinates.platform}/{c.coordinates.workload}": c for c in run.cells}
    yield "machine", {"fingerprint": ", ".join(fingerprints)}
    yield "machine", dict(_flat(machine))
    yield "image", {key: cell.image_digest for key, cell in cells.items()}
    yield "measuring code", {key: str(cell.spec.get("code")) for key, cell in cells.items()}
    yield "configuration", dict(_flat(run.plan.config if run.plan else {}))


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value if isinstance(value, str) else canonical_json(value)
