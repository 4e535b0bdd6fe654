# SPDX-License-Identifier: Apache-2.0
"""Every suspect and invalid window, grouped by reason."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from featherbench.records.cell import Cell, Verdict
from featherbench.records.plan import CellName
from featherbench.report.tables import Row
from featherbench.statistics.data.samples import samples_of
from featherbench.wording.formatting import rows

SEPARATOR = "; "
"""Separates the reasons of one window in the samples."""


@dataclass(frozen=True, kw_only=True)
class QualityIssue:
    """All windows with one verdict and one reason; the numbers in the reason may differ."""

    verdict: str
    reason: str
    windows: tuple[Row, ...]

    @property
    def cells(self) -> Mapping[str, int]:
        """The number of windows of each platform and workload."""
        return Counter(f"{window['platform']} {window['workload']}" for window in self.windows)


def window_qualities(samples: pd.DataFrame, cells: Sequence[Cell]) -> list[Row]:
    """Return the windows of the samples, or of the cells if there are no samples.

    `place` names the cell and the window, `reasons` has those of its verdict.
    """
    table = samples_of(cells) if samples.empty else samples
    windows = rows(table[table["primary"].astype(bool)].fillna({"reasons": ""}))
    for window in windows:
        cell = CellName(*(window[name] for name in CellName._fields))
        window["place"] = f"{cell}, window {window['window']}"
        window["reasons"] = [reason for reason in window["reasons"].split(SEPARATOR) if reason]
    return windows


def quality_issues(windows: Iterable[Row]) -> list[QualityIssue]:
    """Group windows by verdict and reason; invalid ones come first, then frequent ones."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for window in windows:
        if window["verdict"] != Verdict.OK:
            for reason in window["reasons"] or ["no reason was recorded"]:
                groups.setdefault((window["verdict"], _pattern(reason)), []).append(window)
    issues = [
        QualityIssue(verdict=verdict, reason=_common(pattern, group), windows=tuple(group))
        for (verdict, pattern), group in groups.items()
    ]
    return sorted(issues, key=lambda i: (i.verdict != Verdict.INVALID, -len(i.windows)))


def _pattern(reason: str) -> str:
    """Replace the numbers by dots, but not digits that belong to a word, such as `non-2xx`."""
    return re.sub(r"(?<![\w-])\d+(?:[.,]\d+)*", "…", reason)


def _common(pattern: str, group: Sequence[Row]) -> str:
    """Return the reason if all windows have the same one, otherwise the pattern."""
    reasons = {reason for window in group for reason in window["reasons"]}
    exact = [reason for reason in reasons if _pattern(reason) == pattern]
    return exact[0] if len(exact) == 1 else pattern
