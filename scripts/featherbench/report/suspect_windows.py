# SPDX-License-Identifier: Apache-2.0
"""Every suspect and invalid window with its reasons, gathered so that hundreds can be read."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.records.cell import Verdict
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from featherbench.records.cell import Cell

SEPARATOR = "; "
"""Between the reasons of one window in the samples."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One window with its verdict."""

    platform: str
    workload: str
    metric: str
    concurrency: int
    deployment: int
    window: int
    value: float
    unit: str
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def place(self) -> str:
        """The cell and the window in it."""
        cell = f"{self.platform}/{self.workload}/d{self.deployment}/c{self.concurrency}"
        return f"{cell}, window {self.window}"


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """All windows of one verdict that have the same reason, but for the numbers in it."""

    verdict: Verdict
    reason: str
    windows: tuple[Judged, ...]

    @property
    def cells(self) -> Mapping[str, int]:
        """How many of the windows each platform and workload has."""
        return Counter(f"{window.platform} {window.workload}" for window in self.windows)


def judged(samples: pd.DataFrame, cells: Sequence[Cell]) -> tuple[Judged, ...]:
    """Give all windows: from the samples, or from the cells where no samples were written."""
    if samples.empty:
        return tuple(_of_cells(cells))
    main = samples[samples["primary"].astype(bool)].fillna({"reasons": ""})
    return tuple(
        Judged(
            platform=row["platform"],
            workload=row["workload"],
            metric=row["metric"],
            concurrency=int(row["concurrency"]),
            deployment=int(row["deployment"]),
            window=int(row["window"]),
            value=float(row["value"]),
            unit=row["unit"],
            verdict=Verdict(row["verdict"]),
            reasons=tuple(reason for reason in row["reasons"].split(SEPARATOR) if reason),
        )
        for row in rows(main)
    )


def _of_cells(cells: Sequence[Cell]) -> Iterable[Judged]:
    for cell in cells:
        for window in cell.windows:
            yield Judged(
                platform=cell.coordinates.platform,
                workload=cell.coordinates.workload,
                metric=window.metric,
                concurrency=cell.coordinates.concurrency,
                deployment=cell.coordinates.deployment,
                window=window.index,
                value=window.value,
                unit=window.unit,
                verdict=window.verdict,
                reasons=window.reasons,
            )


def verdict_counts(windows: Iterable[Judged]) -> Mapping[str, int]:
    """Count the windows of each verdict."""
    counts = Counter(window.verdict for window in windows)
    return {verdict.value: counts[verdict] for verdict in Verdict}


def doubts(windows: Iterable[Judged]) -> tuple[Doubt, ...]:
    """Group by verdict and reason, invalid ones and frequent ones first."""
    groups: dict[tuple[Verdict, str], list[Judged]] = {}
    for window in windows:
        if window.verdict is not Verdict.OK:
            for reason in window.reasons or ("no reason was recorded",):
                groups.setdefault((window.verdict, _pattern(reason)), []).append(window)
    found = [
        Doubt(verdict=verdict, reason=_common(pattern, group), windows=tuple(group))
        for (verdict, pattern), group in groups.items()
    ]
    return tuple(sorted(found, key=lambda d: (d.verdict is not Verdict.INVALID, -len(d.windows))))


def _pattern(reason: str) -> str:
    """Leave out the numbers, but not digits that belong to a word, such as `non-2xx`."""
    return re.sub(r"(?<![\w-])\d+(?:[.,]\d+)*", "…", reason)


def _common(pattern: str, group: Sequence[Judged]) -> str:
    """Give the reason itself where all windows have the same one, else what they share."""
    exact = {reason for window in group for reason in window.reasons if _pattern(reason) == pattern}
    return exact.pop() if len(exact) == 1 else pattern
