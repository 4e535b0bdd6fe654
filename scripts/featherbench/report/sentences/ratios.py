# SPDX-License-Identifier: Apache-2.0
"""Many comparisons in one sentence, with the test, the intervals and the doubts behind them."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from featherbench.report.sentences.comparisons import SIGNIFICANT_P, Reading, chance, doubt
from featherbench.wording.formatting import ratio
from featherbench.wording.metric_labels import at_level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from featherbench.report.sentences.comparisons import Comparison

FEW_LEVELS = 2
JOINED = {
    Reading.LOWER: "lower than",
    Reading.HIGHER: "higher than",
    Reading.SAME: "the same as",
    Reading.NO_DIFFERENCE: "no difference shown from",
}
"""A reading with what is compared with."""


def tell(
    compared: Iterable[Comparison], baseline: str, amounts: Mapping[tuple[str, int], str]
) -> str:
    """Say how platforms compare with the baseline in one metric; nothing without comparisons.

    `amounts` may have, by platform and level, what to say of it before its ratio.
    """
    ordered = sorted(compared, key=lambda one: (one.platform, one.concurrency))
    if not ordered:
        return ""
    sweeps = len({one.concurrency for one in ordered}) > 1
    each = [
        f"{platform} {_span(list(levels), amounts, sweeps=sweeps)}"
        for platform, levels in groupby(ordered, key=lambda one: one.platform)
    ]
    suspect = doubt(sum(one.suspect for one in ordered))
    return f"{_readings(ordered, baseline)}{'; '.join(each)}{_test(ordered)}{suspect}"


def _readings(compared: Sequence[Comparison], baseline: str) -> str:
    """Say what the comparisons show, and of how many of them."""
    found = [one.reading for one in compared]
    there = [reading for reading in Reading if reading in found]
    if there == [Reading.NOT_TESTED]:
        return f"against {baseline}: "
    if len(there) == 1:
        return f"{JOINED[there[0]]} {baseline}: "
    counts = ", ".join(f"{each.value} in {found.count(each)}" for each in there)
    return f"of {len(found)} comparisons with {baseline}, {counts}: "


def _span(
    levels: Sequence[Comparison], amounts: Mapping[tuple[str, int], str], *, sweeps: bool
) -> str:
    """Give the ratio at each level, or of many the least and the greatest."""
    shown = [one for one in levels if math.isfinite(one.ratio)]
    if len(shown) > FEW_LEVELS:
        by_ratio = sorted(shown, key=lambda one: one.ratio)
        shown = [by_ratio[0], by_ratio[-1]]
    said = [_one(one, amounts, sweeps=sweeps) for one in shown]
    return (" to " if len(levels) > FEW_LEVELS else " and ").join(said) or "has no ratio"


def _one(one: Comparison, amounts: Mapping[tuple[str, int], str], *, sweeps: bool) -> str:
    before = amounts.get((one.platform, one.concurrency), "")
    where = at_level(one.concurrency, sweeps=sweeps)
    amount = f"{before}, " if before else ""
    return f"{amount}{ratio(one.ratio)} times{_interval(one)}{where}"


def _interval(one: Comparison) -> str:
    if not math.isfinite(one.low):
        return ""
    return f" (95 % interval {ratio(one.low)} to {ratio(one.high)})"


def _test(compared: Sequence[Comparison]) -> str:
    """Name the tests, and the largest p that a finding rests on."""
    tests = sorted({one.test for one in compared if one.test})
    notes = "".join(f"; {note}" for note in sorted({one.note for one in compared if one.note}))
    if not tests:
        return f"; untested{notes}"
    told = [found for one in compared if (found := _finding_p(one)) < SIGNIFICANT_P]
    largest = f", {chance(max(told))}{' at most' if len(told) > 1 else ''}" if told else ""
    return f"; {' and '.join(tests)}{largest}{notes}"


def _finding_p(one: Comparison) -> float:
    """Give the p that a difference is said by, or else sameness."""
    return one.p if one.p < SIGNIFICANT_P else one.p_same
