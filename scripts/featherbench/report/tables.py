# SPDX-License-Identifier: Apache-2.0
"""The tables of the analysis, with their numbers spelt for people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from featherbench.wording.formatting import (
    NO_VARIATION,
    NOTHING,
    count,
    is_point,
    number,
    p_value,
    percentage,
    ratio,
)
from featherbench.wording.metric_labels import anchor, label, pairs_anchor, summary_anchor
from featherbench.wording.rows import rows

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
    """A table of text. `left_out` rows are only in the file; `anchor` is its place in the page."""

    caption: str
    anchor: str = ""
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def text_of(key: str) -> Spell:
    """Spell a column of text."""

    def spell(row: Row) -> str:
        value = row.get(key)
        return value if isinstance(value, str) else ""

    return spell


def _as(key: str, spell_value: Callable[[float | None], str]) -> Spell:
    return lambda row: spell_value(row.get(key))


def bounds(low: str, high: str, spell: Callable[[float | None], str] = ratio) -> Spell:
    """Spell two columns as the bounds of an interval."""

    def spell_both(row: Row) -> str:
        if not math.isfinite(row.get(low, math.nan)):
            return NOTHING
        if is_point(row[low], row[high]):
            return NO_VARIATION
        return f"{spell(row[low])} … {spell(row[high])}"

    return spell_both


_interval = bounds("ci_low", "ci_high", number)


def _verdicts(row: Row) -> str:
    counts = [int(row.get(f"n_{verdict}", 0)) for verdict in ("ok", "suspect", "invalid")]
    return " / ".join(f"{n:,}" for n in counts)


def _replicates(row: Row) -> str:
    return f"{count(row.get('n'))} / {count(row.get('deployments'))}"


def number_of(key: str) -> Spell:
    """Spell a column of numbers."""
    return _as(key, number)


def count_of(key: str) -> Spell:
    """Spell a column of whole numbers."""
    return _as(key, count)


def ratio_of(key: str) -> Spell:
    """Spell a column of ratios."""
    return _as(key, ratio)


def percentage_of(key: str) -> Spell:
    """Spell a column of fractions in per cent."""
    return _as(key, percentage)


SUMMARY: Shown = {
    "platform": (Kind.NAME, text_of("platform")),
    "metric": (Kind.NAME, text_of("metric")),
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "mean": (Kind.NUMBER, _as("mean", number)),
    "SD": (Kind.NUMBER, _as("sd", number)),
    "median": (Kind.NUMBER, _as("median", number)),
    "95 % interval": (Kind.NUMBER, _interval),
    "unit": (Kind.NAME, text_of("unit")),
    "windows / deployments": (Kind.NUMBER, _replicates),
    "ok / suspect / invalid": (Kind.NUMBER, _verdicts),
    "remark": (Kind.PROSE, text_of("ci_note")),
}
ANOVA: Shown = {
    "metric": (Kind.NAME, text_of("metric")),
    "test": (Kind.NAME, text_of("test")),
    "replicate": (Kind.NAME, text_of("replicate")),
    "effect": (Kind.NAME, text_of("effect")),
    "df": (Kind.NUMBER, _as("df", count)),
    "df resid.": (Kind.NUMBER, _as("df_resid", count)),
    "F": (Kind.NUMBER, _as("F", number)),
    "p": (Kind.NUMBER, _as("p", p_value)),
    "partial η²": (Kind.NUMBER, _as("partial_eta_squared", ratio)),
    "partial ω²": (Kind.NUMBER, _as("partial_omega_squared", ratio)),
    "remark": (Kind.PROSE, text_of("note")),
}
POSTHOC: Shown = {
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "platform": (Kind.NAME, text_of("platform_a")),
    "against": (Kind.NAME, text_of("platform_b")),
    "ratio": (Kind.NUMBER, _as("ratio", ratio)),
    "difference": (Kind.NUMBER, _as("difference", number)),
    "95 % interval": (Kind.NUMBER, _interval),
    "p, adjusted": (Kind.NUMBER, _as("p_adj", p_value)),
    "test": (Kind.NAME, text_of("test")),
    "replicate": (Kind.NAME, text_of("replicate")),
    "error": (Kind.NAME, text_of("error")),
    "remark": (Kind.PROSE, text_of("note")),
}


RATIOS: Shown = {
    "platform": (Kind.NAME, text_of("platform")),
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "ratio": (Kind.NUMBER, _as("ratio", ratio)),
    "95 % interval": (Kind.NUMBER, bounds("ci_low", "ci_high")),
    "by bootstrap": (Kind.NUMBER, bounds("boot_low", "boot_high")),
    "p, adjusted": (Kind.NUMBER, _as("p_adj", p_value)),
    "p of equivalence": (Kind.NUMBER, _as("p_equivalence_adj", p_value)),
    "least detectable": (Kind.NUMBER, _as("detectable", ratio)),
    "deployments": (Kind.NUMBER, _as("n_deployments", count)),
    "test": (Kind.NAME, text_of("test")),
    "remark": (Kind.PROSE, text_of("note")),
}


LEVELS: Shown = {
    "metric": (Kind.NAME, text_of("metric")),
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "test": (Kind.NAME, text_of("test")),
    "df": (Kind.NUMBER, _as("df", count)),
    "df resid.": (Kind.NUMBER, _as("df_resid", number)),
    "statistic": (Kind.NUMBER, _as("statistic", number)),
    "p, adjusted": (Kind.NUMBER, _as("p_adj", p_value)),
    "share explained": (Kind.NUMBER, _as("effect_size", ratio)),
    "remark": (Kind.PROSE, text_of("note")),
}
COMPONENTS: Shown = {
    "metric": (Kind.NAME, text_of("metric")),
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "platform": (Kind.NAME, text_of("platform")),
    "SD between deployments": (Kind.NUMBER, percentage_of("sd_between")),
    "SD between windows": (Kind.NUMBER, percentage_of("sd_within")),
    "p, deployments alike": (Kind.NUMBER, _as("p", p_value)),
    "windows needed": (Kind.NUMBER, _as("windows_needed", count)),
    "deployments needed": (Kind.NUMBER, _as("deployments_needed", count)),
    "remark": (Kind.PROSE, text_of("note")),
}
CHECKS: Shown = {
    "check": (Kind.PROSE, text_of("check")),
    "metric": (Kind.NAME, text_of("metric")),
    "connections": (Kind.NUMBER, _as("concurrency", count)),
    "platform": (Kind.NAME, text_of("platform")),
    "p, adjusted": (Kind.NUMBER, _as("p_adj", p_value)),
    "how much": (Kind.PROSE, text_of("detail")),
    "what it means": (Kind.PROSE, text_of("reading")),
}


SAID_ONCE = {"metric": "metric", "unit": "unit", "connections": "concurrency"}
"""Columns that are left out where all rows have the same."""


def table(frame: pd.DataFrame, shown: Shown, caption: str, anchor: str = "") -> Table:
    """Spell a frame. Columns that are empty in all rows are left out."""
    spelt = {
        head: [spell(row) for row in rows(frame[:MOST_ROWS])] for head, (_, spell) in shown.items()
    }
    kept = [head for head, cells in spelt.items() if not {"", NOTHING}.issuperset(cells)]
    return Table(
        caption=caption,
        anchor=anchor,
        columns=tuple(Column(heading=head, kind=shown[head][0]) for head in kept),
        rows=tuple(zip(*(spelt[head] for head in kept), strict=True)),
        left_out=max(0, len(frame) - MOST_ROWS),
    )


def summaries(summary: pd.DataFrame, *, primary: bool, columns: Shown = SUMMARY) -> Iterator[Table]:
    """Give one table per workload, of its main metrics or of the others."""
    if summary.empty:
        return
    chosen = summary[summary["primary"].astype(bool) == primary]
    for workload, frame in chosen.groupby("workload", sort=False):
        shown = {head: how for head, how in columns.items() if _varies(frame, head)}
        at = summary_anchor(str(workload)) if primary else ""
        yield table(frame, shown, f"{workload}{_said_once(frame)}", at)


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


def ratios(table_of_all: pd.DataFrame) -> Iterator[Table]:
    """Give one table per metric, of every platform against the baseline."""
    if not table_of_all.empty:
        for metric, frame in table_of_all.groupby("metric", sort=False):
            caption = f"{label(str(metric))}, times {frame['baseline'].iloc[0]}"
            shown = {head: how for head, how in RATIOS.items() if _varies(frame, head)}
            yield table(frame, shown, caption, anchor(str(metric)))


def by_level(tested: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of the tests at each level, if there is one."""
    return () if tested.empty else (table(tested, LEVELS, "Whether platforms differ at a level"),)


def variations(components: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of the components of variance, if there is one."""
    return () if components.empty else (table(components, COMPONENTS, "Where it varies"),)


def findings(checks: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of what the checks found, if they found anything."""
    if checks.empty or not checks["found"].astype(bool).any():
        return ()
    return (table(checks[checks["found"].astype(bool)], CHECKS, "What the checks found"),)


def pairs(posthoc: pd.DataFrame) -> Iterator[Table]:
    """Give one table per metric."""
    if not posthoc.empty:
        for metric, frame in posthoc.groupby("metric", sort=False):
            yield table(frame, POSTHOC, label(str(metric)), pairs_anchor(str(metric)))
