# SPDX-License-Identifier: Apache-2.0
"""Platforms compared with the baseline or with each other: their ratios, and sentences on them.

A platform is different from the baseline, or equivalent to it, if that is significant after Holm's
correction over all platforms and levels of the metric; see `statistics/inference/ratios.py`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import groupby
from typing import Any

import pandas as pd

from featherbench.records.load_point import Axis
from featherbench.statistics.conventions import BLOCK, PAIR, SIGNIFICANT_P
from featherbench.wording.formatting import number, ratio, rows
from featherbench.wording.phrases import (
    FEW_LEVELS,
    at_level,
    axis_of,
    counted,
    format_p,
    in_brackets,
    interval,
    suspect_note,
)

Pairs = dict[tuple[str, ...], list[dict[str, Any]]]
"""The rows of each pair of platforms by its names, in both orders."""
USELESS_RATIO = 10.0
"""If a run can only detect ratios above this, the report calls it too small."""


class RatioReading(StrEnum):
    """What the tests say of a ratio: different (lower or higher), equivalent, or inconclusive."""

    LOWER = "lower"
    HIGHER = "higher"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not tested"


JOINED = {
    RatioReading.LOWER: "lower than",
    RatioReading.HIGHER: "higher than",
    RatioReading.EQUIVALENT: "equivalent to",
    RatioReading.INCONCLUSIVE: "inconclusive against",
    RatioReading.NOT_TESTED: "against",
}
"""Each reading as the beginning of a sentence, before the name of the other platform."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of the table of ratios: one platform against the baseline.

    `detectable` is the minimum detectable ratio of the run, `suspect` the number of suspect windows
    of both platforms.
    """

    metric: str
    platform: str
    level: int
    ratio: float
    ci_low: float
    ci_high: float
    p_adj: float
    p_equivalence_adj: float
    margin: float
    detectable: float
    test: str = ""
    note: str = ""
    axis: Axis = Axis.CONNECTIONS
    suspect: int = 0

    @property
    def equivalent(self) -> bool:
        """Whether the ratio is shown to lie within the margin."""
        return self.p_equivalence_adj < SIGNIFICANT_P

    @property
    def reading(self) -> RatioReading:
        """What the tests say."""
        if not math.isfinite(self.p_adj):
            return RatioReading.NOT_TESTED
        if self.p_adj < SIGNIFICANT_P:
            return RatioReading.LOWER if self.ratio < 1 else RatioReading.HIGHER
        return RatioReading.EQUIVALENT if self.equivalent else RatioReading.INCONCLUSIVE

    @property
    def decisive_p(self) -> float:
        """The p-value of the difference if it is significant, otherwise that of equivalence."""
        return self.p_adj if self.p_adj < SIGNIFICANT_P else self.p_equivalence_adj


def comparisons(
    summary: Iterable[dict[str, Any]], ratios: pd.DataFrame, baseline: str
) -> list[Comparison]:
    """Return the rows of the table of ratios, with the suspect windows that the summary counts."""
    suspect: Counter[tuple[str, str, int]] = Counter()
    for row in summary:
        suspect[row["metric"], row["platform"], row["level"]] = int(row["n_suspect"])
    columns = [field.name for field in fields(Comparison) if field.name not in {"axis", "suspect"}]
    table = ratios.reindex(columns=[*columns, "load_point"]).astype(
        {"test": object, "note": object}
    )
    compared = []
    for row in rows(table.fillna({"test": "", "note": ""})):
        metric, level = row["metric"], row["level"]
        counts = (suspect[metric, platform, level] for platform in (row["platform"], baseline))
        own = {name: row[name] for name in columns}
        compared.append(Comparison(**own, axis=axis_of(row), suspect=sum(counts)))
    return compared


def platform_sentences(compared: Iterable[Comparison], baseline: str) -> Iterator[str]:
    """Yield one sentence for each platform, or for each level if there are few levels."""
    for platform, levels, sweeps in _by_platform(compared):
        if len(levels) > FEW_LEVELS:
            yield f"{platform}: {_levels_summary(levels, baseline)}"
        else:
            for level in levels:
                at = at_level(level.level, sweeps=sweeps, axis=level.axis)
                yield f"{platform}{at}: {_one_level(level, baseline)}"


def _by_platform(compared: Iterable[Comparison]) -> list[tuple[str, list[Comparison], bool]]:
    """Return each platform with its comparisons, and whether the metric has several levels."""
    ordered = sorted(compared, key=lambda one: (one.platform, one.level))
    sweeps = len({comparison.level for comparison in ordered}) > 1
    groups = groupby(ordered, key=lambda one: one.platform)
    return [(platform, list(levels), sweeps) for platform, levels in groups]


def _one_level(level: Comparison, baseline: str) -> str:
    bounds = interval(level.ci_low, level.ci_high)
    within = f"within {100 * level.margin:g} %"
    times = f"{ratio(level.ratio)} times {baseline}"
    match level.reading:
        case RatioReading.NOT_TESTED:
            text = f"{times}, not tested ({level.note or 'no interval'})"
        case RatioReading.EQUIVALENT:
            p = format_p(level.p_equivalence_adj)
            text = f"equivalent to {baseline} {within} (ratio {ratio(level.ratio)}, {bounds}, {p})"
        case RatioReading.INCONCLUSIVE:
            p = format_p(level.p_adj)
            text = f"inconclusive against {baseline} (ratio {ratio(level.ratio)}, {bounds}, {p})"
            text += f"; {_detectable(level)}"
        case different:
            text = f"{different.value}, {times} ({bounds}, {format_p(level.p_adj)})"
            text += f", but {within}" if level.equivalent else ""
    return f"{text}{suspect_note(level.suspect)}"


def _detectable(level: Comparison) -> str:
    if level.detectable > USELESS_RATIO:
        return f"this run is too small to detect a ratio of {USELESS_RATIO:g}"
    return f"minimum detectable ratio {ratio(level.detectable)}"


def _levels_summary(levels: Sequence[Comparison], baseline: str) -> str:
    ratios = [level.ratio for level in levels if math.isfinite(level.ratio)]
    times = f"{span(ratios)} times {baseline}" if ratios else f"no ratio to {baseline}"
    readings = counted([level.reading for level in levels], RatioReading, "at")
    suspect = suspect_note(sum(level.suspect for level in levels))
    return f"{times} over {len(levels)} levels; {readings}{suspect}"


def span(ratios: Sequence[float]) -> str:
    """Return the smallest and the largest ratio."""
    return f"{ratio(min(ratios))} to {ratio(max(ratios))}"


def ratio_sentence(
    compared: Sequence[Comparison], baseline: str, amounts: Mapping[tuple[str, int], str]
) -> str:
    """Return how platforms compare with the baseline in one metric; nothing without comparisons.

    `amounts` maps platform and level to the amount that stands before the ratio.
    """
    if not compared:
        return ""
    platforms = "; ".join(
        f"{platform} {_extremes(levels, amounts, sweeps=sweeps)}"
        for platform, levels, sweeps in _by_platform(compared)
    )
    suspect = suspect_note(sum(comparison.suspect for comparison in compared))
    return f"{_readings(compared, baseline)}: {platforms}{_tests(compared)}{suspect}"


def _readings(compared: Sequence[Comparison], baseline: str) -> str:
    readings = [comparison.reading for comparison in compared]
    if len(set(readings)) == 1:
        return f"{JOINED[readings[0]]} {baseline}"
    counts = counted(readings, RatioReading, "in")
    return f"of {len(readings)} comparisons with {baseline}, {counts}"


def _extremes(
    levels: Sequence[Comparison], amounts: Mapping[tuple[str, int], str], *, sweeps: bool
) -> str:
    """Return the ratio at each level, or of many levels the smallest and the largest."""
    shown = [level for level in levels if math.isfinite(level.ratio)]
    if len(shown) > FEW_LEVELS:
        by_ratio = sorted(shown, key=lambda level: level.ratio)
        shown = [by_ratio[0], by_ratio[-1]]
    texts = [_times(level, amounts, sweeps=sweeps) for level in shown]
    return (" to " if len(levels) > FEW_LEVELS else " and ").join(texts) or "has no ratio"


def _times(level: Comparison, amounts: Mapping[tuple[str, int], str], *, sweeps: bool) -> str:
    amount = amounts.get((level.platform, level.level), "")
    times = f"{ratio(level.ratio)} times{in_brackets(level.ci_low, level.ci_high)}"
    at = at_level(level.level, sweeps=sweeps, axis=level.axis)
    return f"{amount}{', ' if amount else ''}{times}{at}"


def _tests(compared: Sequence[Comparison]) -> str:
    """Return the tests, and the largest p-value on which a result rests."""
    tests = sorted({comparison.test for comparison in compared if comparison.test})
    notes = sorted({comparison.note for comparison in compared if comparison.note})
    significant = [one.decisive_p for one in compared if one.decisive_p < SIGNIFICANT_P]
    text = " and ".join(tests) or "not tested"
    if tests and significant:
        text += f", {format_p(max(significant))}{' at most' if len(significant) > 1 else ''}"
    return "; " + "; ".join([text, *notes])


def pairs(posthoc: pd.DataFrame, metric: str, unit: str) -> Pairs:
    """Return the rows of the pairwise test in blocks; pairs with the baseline by Games-Howell."""
    by_names: Pairs = {}
    for error in (PAIR, BLOCK) if len(posthoc) else ():
        chosen = posthoc[(posthoc["error"] == error) & (posthoc["metric"] == metric)]
        of_error: Pairs = {}
        for row in rows(chosen.assign(unit=unit)):
            a, b = row["platform_a"], row["platform_b"]
            turned = {
                "difference": -row["difference"],
                "ratio": 1 / row["ratio"] if row["ratio"] else math.nan,
                "ci_low": -row["ci_high"],
                "ci_high": -row["ci_low"],
            }
            of_error.setdefault((a, b), []).append(row)
            of_error.setdefault((b, a), []).append(row | turned)
        by_names |= of_error
    return by_names


def pair_sentences(by_names: Pairs, platforms: Sequence[str], others: Sequence[str]) -> str:
    """Return how each of `platforms` compares with each of `others`; nothing without a pair."""
    known = [pair for platform in platforms for other in others
             if (pair := (platform, other)) in by_names]  # fmt: skip
    if not known:
        return ""
    texts = [_pair(*pair, by_names[pair]) for pair in known]
    return "; ".join([*texts, _tests_of_pairs(row for pair in known for row in by_names[pair])])


def fastest_sentence(by_names: Pairs, ranked: Sequence[str]) -> str:
    """Return whether the first platform starts earlier than the second; nothing without a test."""
    first, second = (*ranked, "", "")[:2]
    if (first, second) not in by_names:
        return ""
    (row,) = by_names[first, second]
    if not math.isfinite(row["p_adj"]):
        return f"; {first} against {second} is {_difference(row)}"
    test = f"({_difference(row)}, {_tests_of_pairs([row])})"
    if row["p_adj"] < SIGNIFICANT_P:
        return f"; {first} is significantly faster than {second} {test}"
    return f"; {first} against {second} is inconclusive {test}"


def _tests_of_pairs(compared: Iterable[dict[str, Any]]) -> str:
    tests = {row["test"] if isinstance(row["test"], str) else "not tested" for row in compared}
    return " and ".join(sorted(tests))


def _pair(platform: str, other: str, levels: Sequence[dict[str, Any]]) -> str:
    if len(levels) <= FEW_LEVELS:
        texts = [
            f"{ratio(row['ratio'])} times {other}{_level(row, levels)} ({_difference(row)})"
            for row in levels
        ]
        return f"{platform} {' and '.join(texts)}"
    smallest = min(levels, key=lambda row: float(row["ratio"]))
    return (
        f"{platform} {span([row['ratio'] for row in levels])} times {other} over {len(levels)} "
        f"levels, {counted(map(_reading, levels), RatioReading, 'at')} "
        f"(smallest ratio{_level(smallest, levels)}: {_difference(smallest)})"
    )


def _level(row: dict[str, Any], levels: Sequence[dict[str, Any]]) -> str:
    return at_level(int(row["level"]), sweeps=len(levels) > 1, axis=axis_of(row))


def _reading(row: dict[str, Any]) -> RatioReading:
    if not row["p_adj"] < SIGNIFICANT_P:
        return RatioReading.INCONCLUSIVE
    return RatioReading.LOWER if row["ratio"] < 1 else RatioReading.HIGHER


def _difference(row: dict[str, Any]) -> str:
    if not math.isfinite(row["p_adj"]):
        return f"not tested, {row['note']}"
    bounds = interval(row["ci_low"], row["ci_high"], number)
    return (
        f"difference {number(row['difference'])} {row['unit']}, {bounds}, {format_p(row['p_adj'])}"
    )
