# SPDX-License-Identifier: Apache-2.0
"""What of this host's results agrees with the paper's, what does not, what cannot be compared.

The sentences are made from the table `paper_comparison` alone, see
`plauth2017/comparison/replication.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from featherbench.report.sentences.comparisons import doubt
from featherbench.report.sentences.ratios import FEW_LEVELS
from featherbench.report.tables import Kind, bounds, number_of, ratio_of, table, text_of
from featherbench.statistics.replication import Agreement
from featherbench.wording.formatting import NOTHING, count, ratio
from featherbench.wording.metric_labels import at_level, label, paper_anchor
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.report.tables import Shown, Table

    Row = dict[str, Any]

PAIRS: Shown = {
    "connections": (Kind.NUMBER, lambda row: count(row["concurrency"])),
    "platform": (Kind.NAME, text_of("platform")),
    "against": (Kind.NAME, text_of("against")),
    "ratio here": (Kind.NUMBER, ratio_of("ratio")),
    "95 % interval": (Kind.NUMBER, bounds("ci_low", "ci_high")),
    "the paper’s": (Kind.NUMBER, ratio_of("papers_ratio")),  # noqa: RUF001 - an apostrophe
    "its interval": (Kind.NUMBER, bounds("papers_ci_low", "papers_ci_high")),
    "quotient": (Kind.NUMBER, ratio_of("quotient")),
    "its 95 % interval": (Kind.NUMBER, bounds("quotient_low", "quotient_high")),
    "ratio": (Kind.NAME, text_of("size")),
    "order": (Kind.NAME, text_of("order")),
    "remark": (Kind.PROSE, text_of("reason")),
    "suspect here": (Kind.NUMBER, number_of("n_suspect")),
    "suspect there": (Kind.NUMBER, number_of("papers_n_suspect")),
}
SUSPECT = {"suspect here": "n_suspect", "suspect there": "papers_n_suspect"}
"""The columns of suspect windows."""
SETUP: Shown = {
    "what": (Kind.NAME, text_of("what")),
    "here": (Kind.PROSE, text_of("here")),
    "in the paper": (Kind.PROSE, text_of("paper")),
}


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is said of one metric. `orders` and `ratios` are sentences without a full stop."""

    title: str
    table: Table
    orders: tuple[str, ...]
    ratios: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why something cannot be compared, and what."""

    reason: str
    what: tuple[str, ...]


def comparable(compared: pd.DataFrame) -> pd.DataFrame:
    """Leave out what cannot be compared."""
    if compared.empty:
        return compared
    return compared[compared["size"] != Agreement.NOT_COMPARED.value]


def whole(compared: pd.DataFrame) -> str:
    """Sum up, without a full stop; nothing where nothing can be compared."""
    found = comparable(compared)
    if found.empty:
        return ""
    within = f"within {100 * found['margin'].iloc[0]:g} %"
    size, order = (_counted(list(found[column])) for column in ("size", "order"))
    pairs = f"{len(found)} pair{'s' if len(found) > 1 else ''} of platforms"
    return (
        f"of {pairs} that this run and the paper have at the same number of connections, the ratio "
        f"{size} ({within}), and the order {order}"
    )


def _counted(verdicts: Sequence[str]) -> str:
    counts = Counter(verdicts)
    names = (one.value for one in Agreement)
    told = [f"{_verb(name)} {counts[name]:,}" for name in names if counts[name]]
    return ", ".join(told)


def _verb(verdict: str) -> str:
    return "is undecided in" if verdict == Agreement.INCONCLUSIVE.value else f"{verdict} in"


def metric_by_metric(compared: pd.DataFrame) -> Iterator[Beside]:
    """Say of each metric which orders and ratios agree."""
    for metric, frame in (
        comparable(compared).groupby("metric", sort=False) if len(compared) else ()
    ):
        own = rows(frame)
        title = label(str(metric))
        yield Beside(
            title=title,
            table=table(frame, _shown(frame), f"{title}, all pairs", paper_anchor(str(metric))),
            orders=tuple(_orders(own)),
            ratios=tuple(_ratios(own)),
        )


def _shown(frame: pd.DataFrame) -> Shown:
    """Leave out the columns that say the same in every row: one level, no suspect window."""
    dull = {"connections"} if len(set(frame["concurrency"])) == 1 else set()
    dull |= {head for head, name in SUSPECT.items() if not frame[name].any()}
    return {head: how for head, how in PAIRS.items() if head not in dull}


def _orders(own: Sequence[Row]) -> Iterator[str]:
    """Give the order of the platforms, levels with the same one together."""
    levels: dict[str, list[int]] = {}
    for level in sorted({int(row["concurrency"]) for row in own}):
        said = _order([row for row in own if row["concurrency"] == level])
        levels.setdefault(said, []).append(level)
    sweeps = sum(map(len, levels.values())) > 1
    for said, which in levels.items():
        yield f"Order{_at(which) if sweeps else ''}: {said}"


def _order(own: Sequence[Row]) -> str:
    here, there = _ranking(own, ""), _ranking(own, "papers_")
    if here == there:
        said = f"the same order here and in the paper, {here}"
    else:
        said = f"here {here}, in the paper {there}"
    if len(own) == 1:
        return f"{said}; it {_verb(own[0]['order']).removesuffix(' in')}"
    counts = _counted([row["order"] for row in own])
    return f"{said}; of {len(own)} pairs it {counts}{_opposite(own)}"


def _ranking(own: Sequence[Row], prefix: str) -> str:
    """Name the platforms from the least to the greatest."""
    ranks = {
        row[name]: row[f"{prefix}{rank}"]
        for row in own
        for name, rank in (("platform", "rank"), ("against", "rank_against"))
    }
    ordered = sorted(ranks, key=lambda name: (ranks[name], name))
    said = str(ordered[0])
    for before, name in pairwise(ordered):
        said += f" {'=' if ranks[before] == ranks[name] else '<'} {name}"
    return said


def _opposite(own: Sequence[Row]) -> str:
    found = [
        f"{row['platform']} and {row['against']}"
        for row in own
        if row["order"] == Agreement.DIFFERS.value
    ]
    return f"; the other way round: {', '.join(found)}" if found else ""


def _at(levels: Sequence[int]) -> str:
    """Name the levels."""
    if len(levels) == 1:
        return at_level(levels[0], sweeps=True)
    return f" at {', '.join(f'{level:,}' for level in levels)} connections"


def _ratios(own: Sequence[Row]) -> Iterator[str]:
    """Give each platform's ratio to the first one, which is the baseline if the paper has it."""
    first = own[0]["against"]
    to_first = [row for row in own if row["against"] == first]
    sweeps = len({row["concurrency"] for row in to_first}) > 1
    for platform in dict.fromkeys(row["platform"] for row in to_first):
        levels = [row for row in to_first if row["platform"] == platform]
        suspect = _doubts(levels)
        name = f"{platform}, the paper’s {levels[0]['papers_platform']}"  # noqa: RUF001
        if len(levels) > FEW_LEVELS:
            yield f"{name}: {_over(levels)}{suspect}"
        else:
            yield f"{name}: {'; '.join(_each(row, sweeps=sweeps) for row in levels)}{suspect}"


def _doubts(levels: Sequence[Row]) -> str:
    here = doubt(int(sum(row["n_suspect"] for row in levels)))
    theirs = [int(row["concurrency"]) for row in levels if row["papers_n_suspect"] > 0]
    there = f"; the published means are suspect{_at(theirs)}" if theirs else ""
    return f"{here}{there}"


def _each(row: Row, *, sweeps: bool) -> str:
    here = f"{ratio(row['ratio'])} times {row['against']} here{_bounded(row, 'ci')}"
    there = f"{ratio(row['papers_ratio'])} in the paper{_bounded(row, 'papers_ci')}"
    quotient = f"quotient {ratio(row['quotient'])}{_bounded(row, 'quotient')}"
    where = at_level(int(row["concurrency"]), sweeps=sweeps)
    return f"{here}, {there}{where}: {row['size']}, {quotient}"


def _bounded(row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if ratio(low) == NOTHING:
        return " (no interval)"
    return f" (95 % interval {ratio(low)} to {ratio(high)})"


def _over(levels: Sequence[Row]) -> str:
    """Sum up many levels, and give that in full at which the two are farthest apart."""
    spans = [
        f"{ratio(min(row[name] for row in levels))} to {ratio(max(row[name] for row in levels))}"
        for name in ("ratio", "papers_ratio")
    ]
    farthest = max(levels, key=lambda row: max(row["quotient"], 1 / row["quotient"]))
    counted = _counted([row["size"] for row in levels])
    return (
        f"{spans[0]} times {levels[0]['against']} here, {spans[1]} in the paper; over "
        f"{len(levels)} levels it {counted}; farthest apart{_at([int(farthest['concurrency'])])}: "
        f"{_each(farthest, sweeps=False)}"
    )


def obstacles(compared: pd.DataFrame) -> Iterator[Obstacle]:
    """Give why something cannot be compared, each reason once."""
    if compared.empty:
        return
    found: dict[str, dict[tuple[str, str], list[int]]] = {}
    gaps = compared[compared["size"] == Agreement.NOT_COMPARED.value]
    words = gaps.astype({"metric": "object", "platform": "object"})
    for row in rows(words.fillna({"metric": "", "platform": ""})):
        levels = found.setdefault(row["reason"], {}).setdefault(
            (row["metric"], row["platform"]), []
        )
        levels += [] if pd.isna(row["concurrency"]) else [int(row["concurrency"])]
    for reason, places in found.items():
        what = tuple(_place(*place, levels) for place, levels in places.items())
        yield Obstacle(reason=reason, what=what)


def _place(metric: str, platform: str, levels: Sequence[int]) -> str:
    where = _at(sorted(levels)) if levels else ""
    if metric and platform:
        return f"{label(metric)} on {platform}{where}"
    return f"{label(metric)}{where}" if metric else platform


def setup(facts: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of how the two were set up, if it was made."""
    return () if facts.empty else (table(facts, SETUP, "How it was set up, here and there"),)
