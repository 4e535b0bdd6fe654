# SPDX-License-Identifier: Apache-2.0
"""Frames as tables of text for people: columns, captions and anchors."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from featherbench.records.load_point import Axis
from featherbench.wording.formatting import (
    NO_VARIATION,
    NOTHING,
    count,
    is_point,
    number,
    ratio,
    rows,
)
from featherbench.wording.phrases import axis_of

Row = dict[str, Any]
Spell = Callable[[Row], str]
ColumnType = Literal["num", "name", "prose"]
"""What a column holds: numbers, aligned; names, on one line; or prose."""
Columns = dict[str, tuple[ColumnType, Spell]]

LEVEL = "connections"
"""The heading of levels, unless those of a table count something else."""
HEADINGS = {Axis.RATE: "offered requests/s", Axis.PERCENT: Axis.PERCENT.value}
LOAD_POINT = "load point"
"""The heading if they count different things: load points such as c100 and r5000 stand there."""
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
    columns = _on_axes(columns, frame)
    texts = {heading: [spell(row) for row in shown] for heading, (_, spell) in columns.items()}
    kept = [heading for heading, cells in texts.items() if not {"", NOTHING}.issuperset(cells)]
    return Table(
        caption=caption,
        anchor=anchor,
        columns=tuple((heading, columns[heading][0]) for heading in kept),
        rows=tuple(zip(*(texts[heading] for heading in kept), strict=True)),
        left_out=max(0, len(frame) - MOST_ROWS),
    )


def _on_axes(columns: Columns, frame: pd.DataFrame) -> Columns:
    """Return the columns with the heading LEVEL replaced where levels count something else."""
    points = frame["load_point"].dropna().unique() if "load_point" in frame else ()
    axes = {axis_of({"load_point": point}) for point in points}
    if axes <= {Axis.CONNECTIONS}:
        return columns
    own = (
        (HEADINGS[axes.pop()], figure("level", count))
        if len(axes) == 1
        else (LOAD_POINT, name("load_point"))
    )
    return dict(
        own if heading == LEVEL else (heading, column) for heading, column in columns.items()
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
