# SPDX-License-Identifier: Apache-2.0
"""Platforms compared with each other instead of with the baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from featherbench.report.sentences.comparisons import RatioReading, span
from featherbench.statistics.conventions import BLOCK, PAIR, SIGNIFICANT_P
from featherbench.wording.formatting import number, ratio, rows
from featherbench.wording.phrases import (
    FEW_LEVELS,
    at_level,
    counted,
    format_p,
    interval,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

Pairs = dict[tuple[str, ...], list[dict[str, Any]]]
"""The rows of each pair of platforms by its names, in both orders."""


def pairs(posthoc: pd.DataFrame, metric: str, unit: str) -> Pairs:
    """Return the rows of the pairwise test in blocks; pairs with the baseline by Games-Howell."""
    by_names: Pairs = {}
    for error in (PAIR, BLOCK) if len(posthoc) else ():
        chosen = (posthoc["error"] == error) & (posthoc["metric"] == metric)
        by_names |= _in_both_orders(rows(posthoc[chosen].assign(unit=unit)))
    return by_names


def _in_both_orders(compared: Sequence[dict[str, Any]]) -> Pairs:
    by_names: Pairs = {}
    for row in compared:
        by_names.setdefault((row["platform_a"], row["platform_b"]), []).append(row)
        by_names.setdefault((row["platform_b"], row["platform_a"]), []).append(_turned(row))
    return by_names


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "difference": -row["difference"],
        "ratio": 1 / row["ratio"] if row["ratio"] else math.nan,
        "ci_low": -row["ci_high"],
        "ci_high": -row["ci_low"],
    }


def pair_sentences(by_names: Pairs, platforms: Sequence[str], others: Sequence[str]) -> str:
    """Return how each of `platforms` compares with each of `others`; nothing without a pair."""
    known = [pair for platform in platforms for other in others
             if (pair := (platform, other)) in by_names]  # fmt: skip
    if not known:
        return ""
    texts = [_pair(*pair, by_names[pair]) for pair in known]
    return "; ".join([*texts, _tests(row for pair in known for row in by_names[pair])])


def fastest_sentence(by_names: Pairs, ranked: Sequence[str]) -> str:
    """Return whether the first platform starts earlier than the second; nothing without a test."""
    first, second = (*ranked, "", "")[:2]
    if (first, second) not in by_names:
        return ""
    (row,) = by_names[first, second]
    if not math.isfinite(row["p_adj"]):
        return f"; {first} against {second} is {_difference(row)}"
    test = f"({_difference(row)}, {_tests([row])})"
    if row["p_adj"] < SIGNIFICANT_P:
        return f"; {first} is significantly faster than {second} {test}"
    return f"; {first} against {second} is inconclusive {test}"


def _tests(compared: Iterable[dict[str, Any]]) -> str:
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
    return at_level(int(row["concurrency"]), sweeps=len(levels) > 1)


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
