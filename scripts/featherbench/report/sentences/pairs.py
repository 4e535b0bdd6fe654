# SPDX-License-Identifier: Apache-2.0
"""Platforms compared with each other and not with the baseline, by the test of the ratios to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from featherbench.report.sentences.comparisons import SIGNIFICANT_P, chance
from featherbench.report.sentences.ratios import FEW_LEVELS
from featherbench.statistics.conventions import BLOCK, PAIR
from featherbench.wording.formatting import number, ratio
from featherbench.wording.metric_labels import at_level
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd


Pairs = dict[tuple[str, ...], list[dict[str, Any]]]
"""The rows of each pair of platforms by its names, either way round."""


def pairs(posthoc: pd.DataFrame, metric: str, unit: str) -> Pairs:
    """Look the test's rows up in the table of all pairs; of the baseline Games and Howell's."""
    found: Pairs = {}
    for error in (PAIR, BLOCK) if len(posthoc) else ():
        own = (posthoc["error"] == error) & (posthoc["metric"] == metric)
        found |= _either_way(rows(posthoc[own].assign(unit=unit)))
    return found


def _either_way(compared: Sequence[dict[str, Any]]) -> Pairs:
    found: Pairs = {}
    for row in compared:
        found.setdefault((row["platform_a"], row["platform_b"]), []).append(row)
        found.setdefault((row["platform_b"], row["platform_a"]), []).append(_turned(row))
    return found


def against(found: Pairs, ones: Sequence[str], others: Sequence[str]) -> str:
    """Say how each of some platforms compares with each of others; nothing without a pair."""
    there = [(one, other) for one in ones for other in others if (one, other) in found]
    said = "; ".join(_over_levels(*pair, found[pair]) for pair in there)
    return f"{said}; {_methods(row for pair in there for row in found[pair])}" if said else ""


def first_of_all(found: Pairs, ranked: Sequence[str]) -> str:
    """Say whether the least of all is told from the next one; nothing where there is no test."""
    first, second = (*ranked, "", "")[:2]
    if (first, second) not in found:
        return ""
    (row,) = found[first, second]
    if not math.isfinite(row["p_adj"]):
        return f"; {first} against {second} is {_test(row)}"
    told = "is sooner than" if row["p_adj"] < SIGNIFICANT_P else "cannot be told from"
    return f"; {first} {told} {second} ({_test(row)}, {_methods([row])})"


def _methods(compared: Iterable[dict[str, Any]]) -> str:
    """Name the tests: paired t, or signed ranks."""
    tests = {row["test"] if isinstance(row["test"], str) else "untested" for row in compared}
    return " and ".join(sorted(tests))


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "difference": -row["difference"],
        "ratio": 1 / row["ratio"] if row["ratio"] else math.nan,
        "ci_low": -row["ci_high"],
        "ci_high": -row["ci_low"],
    }


def _over_levels(one: str, other: str, levels: Sequence[dict[str, Any]]) -> str:
    sweeps = len(levels) > 1
    if len(levels) <= FEW_LEVELS:
        each = [
            f"{ratio(row['ratio'])} times {other}{at_level(int(row['concurrency']), sweeps=sweeps)}"
            f" ({_test(row)})"
            for row in levels
        ]
        return f"{one} {' and '.join(each)}"
    ratios = [row["ratio"] for row in levels]
    extreme = min(levels, key=lambda row: float(row["ratio"]))
    where = at_level(int(extreme["concurrency"]), sweeps=True)
    return (
        f"{one} {ratio(min(ratios))} to {ratio(max(ratios))} times {other} over {len(levels)} "
        f"levels, {_counted(levels)} (the least{where}: {_test(extreme)})"
    )


def _counted(levels: Sequence[dict[str, Any]]) -> str:
    told = [row for row in levels if row["p_adj"] < SIGNIFICANT_P]
    lower = sum(row["ratio"] < 1 for row in told)
    higher, untold = len(told) - lower, len(levels) - len(told)
    counts = {"lower": lower, "higher": higher, "no difference shown": untold}
    return ", ".join(f"{what} at {n}" for what, n in counts.items() if n)


def _test(row: dict[str, Any]) -> str:
    if not math.isfinite(row["p_adj"]):
        return f"untested, {row['note']}"
    bounds = f"95 % interval {number(row['ci_low'])} to {number(row['ci_high'])}"
    difference = f"{number(row['difference'])} {row['unit']}"
    return f"difference {difference}, {bounds}, {chance(row['p_adj'])}"
