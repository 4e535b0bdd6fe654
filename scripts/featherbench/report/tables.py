# SPDX-License-Identifier: Apache-2.0
"""Frames as tables of text for people: columns, captions and anchors."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from featherbench.wording.formatting import NO_VARIATION, NOTHING, is_point, number, ratio, rows

Row = dict[str, Any]
Spell = Callable[[Row], str]
ColumnType = Literal["num", "name", "prose"]
"""What a column holds: numbers, aligned; names, on one line; or prose."""
Columns = dict[str, tuple[ColumnType, Spell]]

MOST_ROWS = 600
"""A longer table is cut off here and refers to its file."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text. `columns` are headings and types; `left_out` rows are in the file only.

    `anchor` is its id in the page.
    """

    caption: str
    anchor: str = ""
    columns: tuple[tuple[str, ColumnType], ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0

    @property
    def n_rows(self) -> int:
        """How many rows the frame has."""
        return len(self.rows) + self.left_out


def table(frame: pd.DataFrame, columns: Columns, caption: str, anchor: str = "") -> Table:
    """Return a frame as a table of text, without the columns that are empty in all rows."""
    shown = rows(frame[:MOST_ROWS])
    texts = {heading: [spell(row) for row in shown] for heading, (_, spell) in columns.items()}
    kept = [heading for heading, cells in texts.items() if not {"", NOTHING}.issuperset(cells)]
    return Table(
        caption=caption,
        anchor=anchor,
        columns=tuple((heading, columns[heading][0]) for heading in kept),
        rows=tuple(zip(*(texts[heading] for heading in kept), strict=True)),
        left_out=max(0, len(frame) - MOST_ROWS),
    )


def text_of(key: str) -> Spell:
    """Return what spells a column of text; other values are empty."""
    return lambda row: row[key] if isinstance(row.get(key), str) else ""


def name(key: str) -> tuple[ColumnType, Spell]:
    """Return a column of names."""
    return "name", text_of(key)


def prose(key: str) -> tuple[ColumnType, Spell]:
    """Return a column of prose."""
    return "prose", text_of(key)


def figure(key: str, spell: Callable[[float | None], str] = number) -> tuple[ColumnType, Spell]:
    """Return a column of numbers."""
    return "num", lambda row: spell(row.get(key))


def bounds(
    low: str, high: str, spell: Callable[[float | None], str] = ratio
) -> tuple[ColumnType, Spell]:
    """Return two columns as one column of intervals."""

    def spell_both(row: Row) -> str:
        if not math.isfinite(row.get(low, math.nan)):
            return NOTHING
        if is_point(row[low], row[high]):
            return NO_VARIATION
        return f"{spell(row[low])} … {spell(row[high])}"

    return "num", spell_both
