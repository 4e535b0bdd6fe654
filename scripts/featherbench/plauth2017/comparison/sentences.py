# SPDX-License-Identifier: Apache-2.0
"""The replication of the paper in sentences: what agrees, what differs, what cannot be compared.

All sentences are made from the table `paper_comparison`; see `replication.py` in this folder.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from featherbench.report.sentences.comparisons import span
from featherbench.report.table_groups import by_metric
from featherbench.report.tables import Columns, bounds, figure, name, prose, table
from featherbench.statistics.replication import Agreement
from featherbench.wording.formatting import count, ratio, rows
from featherbench.wording.phrases import (
    FEW_LEVELS,
    at_level,
    at_levels,
    counted,
    in_brackets,
    plural,
    suspect_note,
)

Row = dict[str, Any]

SUSPECT = {"suspect here": "n_suspect", "suspect in the paper": "papers_n_suspect"}
"""The columns of suspect windows, by heading."""
COLUMNS: Columns = {
    "connections": figure("level", count),
    "platform": name("platform"),
    "against": name("against"),
    "ratio here": figure("ratio", ratio),
    "95 % interval": bounds("ci_low", "ci_high"),
    "ratio in the paper": figure("papers_ratio", ratio),
    "its 95 % interval": bounds("papers_ci_low", "papers_ci_high"),
    "quotient": figure("quotient", ratio),
    "95 % interval of the quotient": bounds("quotient_low", "quotient_high"),
    "ratio": name("size"),
    "order": name("order"),
    "remark": prose("reason"),
    **{heading: figure(column) for heading, column in SUSPECT.items()},
}


def _comparable(compared: pd.DataFrame) -> pd.DataFrame:
    if compared.empty:
        return compared
    return compared[compared["size"] != Agreement.NOT_COMPARED.value]


def overall_sentence(compared: pd.DataFrame) -> str:
    """Return the summary, without a full stop; nothing if nothing can be compared."""
    pairs = _comparable(compared)
    if pairs.empty:
        return ""
    within = f"within {100 * pairs['margin'].iloc[0]:g} %"
    size, order = (_agreements(pairs[column]) for column in ("size", "order"))
    return (
        f"of {plural(len(pairs), 'pair')} of platforms that this run and the paper have at the "
        f"same number of connections, the ratio {size} ({within}), and the order {order}"
    )


def _agreements(verdicts: Iterable[str]) -> str:
    return counted(map(_verb, verdicts), [_verb(agreement.value) for agreement in Agreement], "in")


def _verb(verdict: str) -> str:
    return verdict if verdict in {Agreement.AGREES, Agreement.DIFFERS} else f"is {verdict}"


def metric_replications(compared: pd.DataFrame, label: Callable[[str], str]) -> list[Row]:
    """Return for each metric its table, and which `orders` and `ratios` agree, in sentences."""
    return [
        {
            "title": (title := label(metric)),
            "table": table(frame, _columns(frame), f"{title}, all pairs", f"paper-{metric}"),
            "orders": list(_orders(rows(frame))),
            "ratios": list(_ratios(rows(frame))),
        }
        for metric, frame in by_metric(_comparable(compared))
    ]


def _columns(frame: pd.DataFrame) -> Columns:
    """Leave out columns with the same value in every row: one level, no suspect window."""
    constant = {"connections"} if len(set(frame["level"])) == 1 else set()
    constant |= {heading for heading, column in SUSPECT.items() if not frame[column].any()}
    return {heading: column for heading, column in COLUMNS.items() if heading not in constant}


def _orders(pairs: Sequence[Row]) -> Iterator[str]:
    """Yield the order of the platforms; levels with the same order share a sentence."""
    levels: dict[str, list[int]] = {}
    for level in sorted({int(row["level"]) for row in pairs}):
        order = _order([row for row in pairs if row["level"] == level])
        levels.setdefault(order, []).append(level)
    sweeps = sum(map(len, levels.values())) > 1
    for order, at in levels.items():
        yield f"Order{at_levels(at) if sweeps else ''}: {order}"


def _order(pairs: Sequence[Row]) -> str:
    here, in_paper = _ranking(pairs, ""), _ranking(pairs, "papers_")
    if here == in_paper:
        order = f"the same here and in the paper, {here}"
    else:
        order = f"here {here}, in the paper {in_paper}"
    if len(pairs) == 1:
        return f"{order}; it {_verb(pairs[0]['order'])}"
    agreements = _agreements(row["order"] for row in pairs)
    reversed_pairs = [
        f"{row['platform']} and {row['against']}"
        for row in pairs
        if row["order"] == Agreement.DIFFERS.value
    ]
    opposite = f"; in the opposite order: {', '.join(reversed_pairs)}" if reversed_pairs else ""
    return f"{order}; of {len(pairs)} pairs it {agreements}{opposite}"


def _ranking(pairs: Sequence[Row], prefix: str) -> str:
    """Return the platforms from the smallest value to the largest."""
    ranks = {
        row[platform]: row[f"{prefix}{rank}"]
        for row in pairs
        for platform, rank in (("platform", "rank"), ("against", "rank_against"))
    }
    ordered = sorted(ranks, key=lambda platform: (ranks[platform], platform))
    ranking = str(ordered[0])
    for previous, platform in pairwise(ordered):
        ranking += f" {'=' if ranks[previous] == ranks[platform] else '<'} {platform}"
    return ranking


def _ratios(pairs: Sequence[Row]) -> Iterator[str]:
    """Yield each platform's ratio to the first one: the baseline, if the paper has it."""
    first = pairs[0]["against"]
    to_first = [row for row in pairs if row["against"] == first]
    sweeps = len({row["level"] for row in to_first}) > 1
    for platform in dict.fromkeys(row["platform"] for row in to_first):
        levels = [row for row in to_first if row["platform"] == platform]
        title = f"{platform}, the paper’s {levels[0]['papers_platform']}"  # noqa: RUF001
        if len(levels) > FEW_LEVELS:
            text = _levels_summary(levels)
        else:
            text = "; ".join(_one_level(row, sweeps=sweeps) for row in levels)
        yield f"{title}: {text}{_suspect(levels)}"


def _suspect(levels: Sequence[Row]) -> str:
    here = suspect_note(int(sum(row["n_suspect"] for row in levels)))
    in_paper = [int(row["level"]) for row in levels if row["papers_n_suspect"] > 0]
    return f"{here}; the published means are suspect{at_levels(in_paper)}" if in_paper else here


def _one_level(row: Row, *, sweeps: bool) -> str:
    here = f"{ratio(row['ratio'])} times {row['against']} here{_interval(row, 'ci')}"
    in_paper = f"{ratio(row['papers_ratio'])} in the paper{_interval(row, 'papers_ci')}"
    quotient = f"quotient {ratio(row['quotient'])}{_interval(row, 'quotient')}"
    at = at_level(int(row["level"]), sweeps=sweeps)
    return f"{here}, {in_paper}{at}: {row['size']}, {quotient}"


def _interval(row: Row, column: str) -> str:
    return in_brackets(row[f"{column}_low"], row[f"{column}_high"]) or " (no interval)"


def _levels_summary(levels: Sequence[Row]) -> str:
    """Return the ranges over many levels, and the level with the largest disagreement in full."""
    here, in_paper = (span([row[column] for row in levels]) for column in ("ratio", "papers_ratio"))
    farthest = max(levels, key=lambda row: max(row["quotient"], 1 / row["quotient"]))
    at = at_levels([int(farthest["level"])])
    return (
        f"{here} times {levels[0]['against']} here, {in_paper} in the paper; over "
        f"{len(levels)} levels it {_agreements(row['size'] for row in levels)}; largest "
        f"disagreement{at}: {_one_level(farthest, sweeps=False)}"
    )


def not_comparable(
    compared: pd.DataFrame, label: Callable[[str], str]
) -> dict[str, tuple[str, ...]]:
    """Return the metrics and platforms that cannot be compared, by the reason."""
    if compared.empty:
        return {}
    gaps = compared[compared["size"] == Agreement.NOT_COMPARED.value]
    text = gaps.astype({"metric": "object", "platform": "object"})
    by_reason: dict[str, dict[tuple[str, str], list[int]]] = {}
    for row in rows(text.fillna({"metric": "", "platform": ""})):
        subjects = by_reason.setdefault(row["reason"], {})
        levels = subjects.setdefault((row["metric"], row["platform"]), [])
        levels += [] if pd.isna(row["level"]) else [int(row["level"])]
    return {
        reason: tuple(
            _subject(label(metric) if metric else "", platform, levels)
            for (metric, platform), levels in subjects.items()
        )
        for reason, subjects in by_reason.items()
    }


def _subject(metric: str, platform: str, levels: Sequence[int]) -> str:
    at = at_levels(sorted(levels)) if levels else ""
    if metric and platform:
        return f"{metric} on {platform}{at}"
    return f"{metric}{at}" if metric else platform
