# SPDX-License-Identifier: Apache-2.0
"""Wall time: how much of it was spent in windows, and where the rest went."""

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
"""A gap between cells that is longer than this, and than any build, is a pause between two runs."""


@dataclass(frozen=True, kw_only=True)
class WallTime:
    """The time from the start of the first cell to the end of the last one, without pauses.

    `overhead_s` is the time of the measuring jobs outside of windows, by activity; `between_s` is
    the time between measuring jobs, for deployments, warm-ups and Snakemake.
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
        """The fraction of the wall time that was spent in windows."""
        return self.windows_s / self.wall_s if self.wall_s else float("nan")

    @property
    def parts(self) -> list[tuple[str, float]]:
        """Name and duration of every part of the wall time."""
        return [
            ("windows", self.windows_s),
            *((f"measuring jobs: {name}", spent_s) for name, spent_s in self.overhead_s.items()),
            ("measuring jobs: starts, stops and checks", self.unaccounted_s),
            ("between measuring jobs: deployments, warm-ups, Snakemake", self.between_s),
        ]


def wall_time(cells: Sequence[Cell]) -> WallTime | None:
    """Return the sums over all cells; None if there is no cell."""
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
    return {name: spent_s for name, spent_s in total.most_common() if spent_s > 0}


def _time(utc: str) -> datetime:
    return datetime.fromisoformat(utc).astimezone(UTC)
