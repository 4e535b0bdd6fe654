# SPDX-License-Identifier: Apache-2.0
"""Wall time against the sum of the windows, and where the rest went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.records.cell import Cell

MOMENT = "%Y-%m-%d %H:%M UTC"
PAUSE_S = 600
"""A gap between cells that is longer than any build is a pause between two runs."""


@dataclass(frozen=True, kw_only=True)
class WallTime:
    """From the first cell's start to the last one's end.

    `pauses_s` lie between runs and are left out of `wall_s`. `overhead_s` maps what the measuring
    jobs did beside windows to its time; `between_s` is the time between them, which deployments,
    warm-ups and Snakemake take.
    """

    first_utc: str
    last_utc: str
    wall_s: float
    windows_s: float
    overhead_s: dict[str, float]
    unaccounted_s: float
    between_s: float
    pauses_s: float

    @property
    def windows_fraction(self) -> float:
        """How much of the wall time was spent measuring."""
        return self.windows_s / self.wall_s if self.wall_s else float("nan")

    @property
    def parts(self) -> list[tuple[str, float]]:
        """Everything that the wall time consists of, by name."""
        return [
            ("windows: what was measured", self.windows_s),
            *((f"{name}, in the measuring jobs", spent) for name, spent in self.overhead_s.items()),
            ("the rest of the measuring jobs: starts, stops, checks", self.unaccounted_s),
            (
                "between the measuring jobs: deployments, warm-ups, Snakemake",
                self.between_s,
            ),
        ]


def account(cells: Sequence[Cell]) -> WallTime | None:
    """Add up the times of the cells; None where there is none."""
    if not cells:
        return None
    spans = sorted((_time(cell.started_utc), _time(cell.finished_utc)) for cell in cells)
    pauses_s = sum(
        gap_s
        for (_, end), (start, _) in pairwise(spans)
        if (gap_s := (start - end).total_seconds()) > PAUSE_S
    )
    last = max(end for _, end in spans)
    wall_s = (last - spans[0][0]).total_seconds() - pauses_s
    windows_s = sum(window.duration_s for cell in cells for window in cell.windows)
    overhead_s = _overhead_s(cells)
    jobs_s = sum(cell.duration_s for cell in cells)
    return WallTime(
        first_utc=f"{spans[0][0]:{MOMENT}}",
        last_utc=f"{last:{MOMENT}}",
        wall_s=wall_s,
        windows_s=windows_s,
        overhead_s=overhead_s,
        unaccounted_s=max(0.0, jobs_s - windows_s - sum(overhead_s.values())),
        between_s=max(0.0, wall_s - jobs_s),
        pauses_s=pauses_s,
    )


def _overhead_s(cells: Sequence[Cell]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for cell in cells:
        total.update(cell.overhead_s)
    return {name: spent for name, spent in total.most_common() if spent > 0}


def _time(utc: str) -> datetime:
    return datetime.fromisoformat(utc).astimezone(UTC)
