# SPDX-License-Identifier: Apache-2.0
"""Every suspect and invalid window, grouped by reason."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.records.cell import Verdict
from featherbench.records.plan import CellName
from featherbench.wording.formatting import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from featherbench.records.cell import Cell

SEPARATOR = "; "
"""Separates the reasons of one window in the samples."""


@dataclass(frozen=True, kw_only=True)
class WindowQuality:
    """One window with its verdict and the reasons for it."""

    cell: CellName
    window: int
    metric: str
    value: float
    unit: str
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def place(self) -> str:
        """The cell, and the number of the window in it."""
        return f"{self.cell}, window {self.window}"


@dataclass(frozen=True, kw_only=True)
class QualityIssue:
    """All windows with one verdict and one reason; the numbers in the reason may differ."""

    verdict: Verdict
    reason: str
    windows: tuple[WindowQuality, ...]

    @property
    def cells(self) -> Mapping[str, int]:
        """The number of windows of each platform and workload."""
        return Counter(f"{window.cell.platform} {window.cell.workload}" for window in self.windows)


def window_qualities(samples: pd.DataFrame, cells: Sequence[Cell]) -> tuple[WindowQuality, ...]:
    """Return all windows from the samples, or from the cells if there are no samples."""
    if samples.empty:
        return tuple(_of_cells(cells))
    main = samples[samples["primary"].astype(bool)].fillna({"reasons": ""})
    return tuple(
        WindowQuality(
            cell=CellName(*(row[name] for name in CellName._fields)),
            window=row["window"],
            metric=row["metric"],
            value=row["value"],
            unit=row["unit"],
            verdict=Verdict(row["verdict"]),
            reasons=tuple(reason for reason in row["reasons"].split(SEPARATOR) if reason),
        )
        for row in rows(main)
    )


def _of_cells(cells: Sequence[Cell]) -> Iterable[WindowQuality]:
    for cell in cells:
        name = CellName(*(getattr(cell.coordinates, name) for name in CellName._fields))
        for window in cell.windows:
            yield WindowQuality(
                cell=name,
                window=window.index,
                metric=window.metric,
                value=window.value,
                unit=window.unit,
                verdict=window.verdict,
                reasons=window.reasons,
            )


def quality_issues(windows: Iterable[WindowQuality]) -> tuple[QualityIssue, ...]:
    """Group windows by verdict and reason; invalid ones come first, then frequent ones."""
    groups: dict[tuple[Verdict, str], list[WindowQuality]] = {}
    for window in windows:
        if window.verdict is not Verdict.OK:
            for reason in window.reasons or ("no reason was recorded",):
                groups.setdefault((window.verdict, _pattern(reason)), []).append(window)
    issues = [
        QualityIssue(verdict=verdict, reason=_common(pattern, group), windows=tuple(group))
        for (verdict, pattern), group in groups.items()
    ]
    return tuple(sorted(issues, key=lambda i: (i.verdict is not Verdict.INVALID, -len(i.windows))))


def _pattern(reason: str) -> str:
    """Replace the numbers by dots, but not digits that belong to a word, such as `non-2xx`."""
    return re.sub(r"(?<![\w-])\d+(?:[.,]\d+)*", "…", reason)


def _common(pattern: str, group: Sequence[WindowQuality]) -> str:
    """Return the reason if all windows have the same one, otherwise the pattern."""
    exact = {reason for window in group for reason in window.reasons if _pattern(reason) == pattern}
    return exact.pop() if len(exact) == 1 else pattern
