# SPDX-License-Identifier: Apache-2.0
"""What the numbers say, in sentences: each platform against the baseline.

The ratio is of the means. Its interval is that of the difference (simultaneous, over all pairs at
that level) divided by the baseline's mean. Deployments are the replicates; where these cannot be
tested, nothing is said to differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from featherbench.report.metrics import at_level, label
from featherbench.report.numbers import number, ratio
from featherbench.report.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

REPLICATES = "deployment means"
"""The test to believe: windows of one deployment are no replicates of deployments."""

FEW_LEVELS = 2


class Reading(StrEnum):
    """What a comparison shows."""

    LOWER = "lower"
    HIGHER = "higher"
    NO_DIFFERENCE = "no difference shown"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One platform against the baseline: ratio of the means, with the bounds of its interval."""

    metric: str
    platform: str
    concurrency: int
    ratio: float
    low: float
    high: float
    note: str = ""
    suspect: int = 0

    @property
    def reading(self) -> Reading:
        """What the interval allows to say."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return Reading.NOT_TESTED
        if self.low <= 1 <= self.high:
            return Reading.NO_DIFFERENCE
        return Reading.LOWER if self.high < 1 else Reading.HIGHER


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """All that is said of one metric, whose name is spelt in `title`."""

    workload: str
    title: str
    baseline: str
    sentences: tuple[str, ...]


def conclude(
    summary: pd.DataFrame, posthoc: pd.DataFrame, baseline: str, platforms: Sequence[str] = ()
) -> tuple[Conclusion, ...]:
    """Give the conclusions for every main metric of the summary, in its order.

    Of those of `platforms` that a metric has no value for, it says so.
    """
    if summary.empty:
        return ()
    main = rows(summary[summary["primary"].astype(bool)])
    compared = comparisons(main, posthoc, baseline)
    found = []
    for workload, metric in dict.fromkeys((row["workload"], row["metric"]) for row in main):
        of_metric = [row for row in main if row["metric"] == metric]
        said = (
            *_sentences([one for one in compared if one.metric == metric], baseline),
            *_absent(of_metric, platforms, baseline),
        )
        base = _baseline(of_metric, baseline)
        found.append(
            Conclusion(workload=workload, title=label(metric), baseline=base, sentences=said)
        )
    return tuple(found)


def _absent(
    main: Sequence[dict[str, Any]], platforms: Sequence[str], baseline: str
) -> Iterator[str]:
    valid = {row["platform"] for row in main if row["n"] > 0}
    for platform in platforms:
        if platform not in valid and platform != baseline:
            yield f"{platform}: no valid window"


def comparisons(
    summary: Iterable[dict[str, Any]], posthoc: pd.DataFrame, baseline: str
) -> list[Comparison]:
    """Take from the post-hoc table what concerns the baseline, turned so that it is the base."""
    known = {(row["metric"], row["platform"], row["concurrency"]): row for row in summary}
    found = []
    for row in rows(posthoc):
        pair = (row["platform_a"], row["platform_b"])
        if REPLICATES in row["method"] and baseline in pair:
            other = pair[0] if pair[1] == baseline else pair[1]
            own = known.get((row["metric"], other, row["concurrency"]), {})
            base = known.get((row["metric"], baseline, row["concurrency"]), {})
            found.append(_comparison(row, other, own, base))
    return found


def _comparison(
    row: dict[str, Any], other: str, own: dict[str, Any], base: dict[str, Any]
) -> Comparison:
    mean = base.get("mean", math.nan) or math.nan
    low, high, quotient = row["ci_low"], row["ci_high"], row["ratio"]
    if row["platform_a"] != other:
        low, high, quotient = -high, -low, 1 / quotient if quotient else math.nan
    return Comparison(
        metric=row["metric"],
        platform=other,
        concurrency=int(row["concurrency"]),
        ratio=quotient,
        low=1 + low / mean,
        high=1 + high / mean,
        note=row["note"] if isinstance(row["note"], str) else "",
        suspect=int(own.get("n_suspect", 0) + base.get("n_suspect", 0)),
    )


def _baseline(main: Sequence[dict[str, Any]], baseline: str) -> str:
    """Say what the baseline itself reached, since a ratio without its base says little."""
    own = [row for row in main if row["platform"] == baseline and row["n"] > 0]
    if not own:
        return f"{baseline}, the baseline, has no valid window: there is nothing to compare with"
    sweeps = len({row["concurrency"] for row in main}) > 1
    shown = own if len(own) <= FEW_LEVELS else [own[0], own[-1]]
    values = [
        f"{number(row['mean'])} {row['unit']}{at_level(row['concurrency'], sweeps=sweeps)}"
        f"{_interval(row)}"
        for row in shown
    ]
    return f"{baseline} reaches {', '.join(values)}"


def _interval(row: dict[str, Any]) -> str:
    if not math.isfinite(row["ci_low"]):
        return ""
    return f" (95 % interval {number(row['ci_low'])} to {number(row['ci_high'])})"


def _sentences(compared: Sequence[Comparison], baseline: str) -> Iterator[str]:
    ordered = sorted(compared, key=lambda one: (one.platform, one.concurrency))
    sweeps = len({one.concurrency for one in ordered}) > 1
    for platform, group in groupby(ordered, key=lambda one: one.platform):
        levels = list(group)
        if len(levels) > FEW_LEVELS:
            yield _over_levels(platform, levels, baseline)
        else:
            yield from (_at_one_level(one, baseline, sweeps=sweeps) for one in levels)


def _at_one_level(one: Comparison, baseline: str, *, sweeps: bool) -> str:
    where = f"{one.platform}{at_level(one.concurrency, sweeps=sweeps)}"
    bounds = f"95 % interval {ratio(one.low)} to {ratio(one.high)}"
    match one.reading:
        case Reading.NOT_TESTED:
            said = f"{ratio(one.ratio)} times {baseline}, untested ({one.note or 'no interval'})"
        case Reading.NO_DIFFERENCE:
            said = f"no difference from {baseline} shown (ratio {ratio(one.ratio)}, {bounds})"
        case reading:
            said = f"{reading.value}, {ratio(one.ratio)} times {baseline} ({bounds})"
    return f"{where}: {said}{_doubt(one.suspect)}"


def _over_levels(platform: str, levels: Sequence[Comparison], baseline: str) -> str:
    ratios = [one.ratio for one in levels if math.isfinite(one.ratio)]
    span = f"{ratio(min(ratios))} to {ratio(max(ratios))}" if ratios else "an unknown number of"
    readings = [one.reading for one in levels]
    counted = [
        f"{reading.value} at {readings.count(reading)}"
        for reading in Reading
        if reading in readings
    ]
    suspect = _doubt(sum(one.suspect for one in levels))
    return (
        f"{platform}: {span} times {baseline} over {len(levels)} levels; "
        f"{', '.join(counted)}{suspect}"
    )


def _doubt(suspect: int) -> str:
    if not suspect:
        return ""
    return f"; {suspect:,} suspect window{'' if suspect == 1 else 's'} behind it"
