# SPDX-License-Identifier: Apache-2.0
"""The tables of the analysis, with their numbers spelt for people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from featherbench.report.metrics import label
from featherbench.report.numbers import NOTHING, count, number, p_value, ratio
from featherbench.report.rows import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    Row = dict[str, Any]
    Spell = Callable[[Row], str]
    Shown = dict[str, tuple["Kind", Spell]]

MOST_ROWS = 600
"""A longer table is cut off here, and says which file has the rest."""


class Kind(StrEnum):
    """What a column holds: numbers, to be aligned; names, never to be broken; or prose."""

    NUMBER = "num"
    NAME = "name"
    PROSE = "prose"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column's heading, and what it holds."""

    heading: str
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text. `left_out` rows are only in the file."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def _text(key: str) -> Spell:
    def spell(row: Row) -> str:
        value = row.get(key)
        return value if isinstance(value, str) else ""

    return spell


def _as(key: str, spell_value: Callable[[float | None], str]) -> Spell:
    return lambda row: spell_value(row.get(key))


def _interval(row: Row) -> str:
    low, high = row.get("ci_low"), row.get("ci_high")
    if low is None or high is None or not math.isfinite(low):
        return NOTHING
    return f"{number(low)} … {number(high)}"


def _verdicts(row: Row) -> str:
    counts = [int(row.get(f"n_{verdict}", 0)) for verdict in ("ok", "suspect", "invalid")]
    return " / ".join(f"{n:,}" for n in counts)


def _replicates(row: Row) -> str:
    return f"{count(row.get('n'))} / {count(row.get('deployments'))}"


SUMMARY: Shown = {
    "platform": (Kind.NAME, _text("platform")),
    "metric": (Kind.NAME, _text("metric")),
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "mean": (Kind.NUMBER, _as("mean", number)),
    "SD": (Kind.NUMBER, _as("sd", number)),
    "median": (Kind.NUMBER, _as("median", number)),
    "95 % interval": (Kind.NUMBER, _interval),
    "unit": (Kind.NAME, _text("unit")),
    "windows / deployments": (Kind.NUMBER, _replicates),
    "ok / suspect / invalid": (Kind.NUMBER, _verdicts),
    "remark": (Kind.PROSE, _text("ci_note")),
}
ANOVA: Shown = {
    "metric": (Kind.NAME, _text("metric")),
    "method": (Kind.PROSE, _text("method")),
    "effect": (Kind.NAME, _text("effect")),
    "df": (Kind.NUMBER, _as("df", count)),
    "df resid.": (Kind.NUMBER, _as("df_resid", count)),
    "F": (Kind.NUMBER, _as("F", number)),
    "p": (Kind.NUMBER, _as("p", p_value)),
    "partial η²": (Kind.NUMBER, _as("partial_eta_squared", ratio)),
    "partial ω²": (Kind.NUMBER, _as("partial_omega_squared", ratio)),
    "remark": (Kind.PROSE, _text("note")),
}
POSTHOC: Shown = {
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "platform": (Kind.NAME, _text("platform_a")),
    "against": (Kind.NAME, _text("platform_b")),
    "ratio": (Kind.NUMBER, _as("ratio", ratio)),
    "difference": (Kind.NUMBER, _as("difference", number)),
    "95 % interval": (Kind.NUMBER, _interval),
    "p, adjusted": (Kind.NUMBER, _as("p_adj", p_value)),
    "method": (Kind.PROSE, _text("method")),
    "remark": (Kind.PROSE, _text("note")),
}


SAID_ONCE = {"metric": "metric", "unit": "unit", "connections": "concurrency"}
"""Columns that are left out where all rows have the same."""


def table(frame: pd.DataFrame, shown: Shown, caption: str) -> Table:
    """Spell a frame. Columns that are empty in all rows are left out."""
    spelt = {
        head: [spell(row) for row in rows(frame[:MOST_ROWS])] for head, (_, spell) in shown.items()
    }
    kept = [head for head, cells in spelt.items() if not {"", NOTHING}.issuperset(cells)]
    return Table(
        caption=caption,
        columns=tuple(Column(heading=head, kind=shown[head][0]) for head in kept),
        rows=tuple(zip(*(spelt[head] for head in kept), strict=True)),
        left_out=max(0, len(frame) - MOST_ROWS),
    )


def summaries(summary: pd.DataFrame, *, primary: bool) -> Iterator[Table]:
    """Give one table per workload, of its main metrics or of the others."""
    if summary.empty:
        return
    chosen = summary[summary["primary"].astype(bool) == primary]
    for workload, frame in chosen.groupby("workload", sort=False):
        shown = {head: how for head, how in SUMMARY.items() if _varies(frame, head)}
        yield table(frame, shown, f"{workload}{_said_once(frame)}")


def _varies(frame: pd.DataFrame, head: str) -> bool:
    """Tell whether a column must be shown; what is the same in every row is said once."""
    column = SAID_ONCE.get(head)
    return column is None or len(set(frame[column])) > 1


def _said_once(frame: pd.DataFrame) -> str:
    metrics, units = set(frame["metric"]), set(frame["unit"])
    what = f": {label(metrics.pop())}" if len(metrics) == 1 else ""
    return what + (f", in {units.pop()}" if len(units) == 1 else "")


def analyses(anova: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of the analysis of variance, if there is one."""
    return () if anova.empty else (table(anova, ANOVA, "Analysis of variance"),)


def pairs(posthoc: pd.DataFrame) -> Iterator[Table]:
    """Give one table per metric."""
    if not posthoc.empty:
        for metric, frame in posthoc.groupby("metric", sort=False):
            yield table(frame, POSTHOC, label(str(metric)))
