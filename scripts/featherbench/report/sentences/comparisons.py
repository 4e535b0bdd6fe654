# SPDX-License-Identifier: Apache-2.0
"""What the numbers say, in sentences: each platform against the baseline.

They rest on the table of ratios (`statistics/inference/ratios.py`): a platform is different, or
equivalent, where that is significant after Holm over all platforms and levels of the metric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from featherbench.wording.formatting import NO_VARIATION, is_point, number, p_value, ratio
from featherbench.wording.metric_labels import anchor, at_level, instead_of, label
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    Asked = Mapping[str, Sequence[str]]
    """By workload, the platforms that it was to measure."""

SIGNIFICANT_P = 0.05
FEW_LEVELS = 2
USELESS = 10.0
"""A run that would only find ratios above this finds nothing that anyone would ask."""


class Reading(StrEnum):
    """What a comparison shows."""

    LOWER = "lower"
    HIGHER = "higher"
    SAME = "the same"
    NO_DIFFERENCE = "no difference shown"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One platform against the baseline: their ratio, with the bounds of its interval.

    `p` and `p_same` are adjusted; `margin` is what counts as the same, `detectable` the ratio that
    the run would have found, `test` the test's name.
    """

    metric: str
    platform: str
    concurrency: int
    ratio: float
    low: float
    high: float
    p: float
    p_same: float
    margin: float
    detectable: float
    test: str = ""
    note: str = ""
    suspect: int = 0

    @property
    def same(self) -> bool:
        """Whether the ratio is surely within the margin."""
        return self.p_same < SIGNIFICANT_P

    @property
    def reading(self) -> Reading:
        """What the tests allow to say."""
        if not math.isfinite(self.p):
            return Reading.NOT_TESTED
        if self.p < SIGNIFICANT_P:
            return Reading.LOWER if self.ratio < 1 else Reading.HIGHER
        return Reading.SAME if self.same else Reading.NO_DIFFERENCE


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """All that is said of one metric, whose name is spelt in `title`.

    `table` is the anchor of the table behind it, if there is one.
    """

    workload: str
    title: str
    table: str
    baseline: str
    sentences: tuple[str, ...]


def conclude(
    summary: pd.DataFrame, ratios: pd.DataFrame, baseline: str, asked: Asked | None = None
) -> tuple[Conclusion, ...]:
    """Give the conclusions for every main metric of the summary, workload by workload.

    Of those platforms that were asked for and gave no value it says so.
    """
    if summary.empty:
        return ()
    main = rows(summary[summary["primary"].astype(bool)])
    compared = comparisons(main, ratios, baseline)
    metrics: dict[str, list[str]] = {}
    for row in main:
        metrics.setdefault(row["workload"], []).append(row["metric"])
    return tuple(
        _conclusion(
            [row for row in main if row["workload"] == workload],
            [one for one in compared if one.metric == metric],
            metric,
            baseline,
            [name for name in (asked or {}).get(workload, ()) if name != baseline],
        )
        for workload, named in metrics.items()
        for metric in dict.fromkeys(named)
    )


def _conclusion(
    of_workload: Sequence[dict[str, Any]],
    compared: Sequence[Comparison],
    metric: str,
    baseline: str,
    asked: Sequence[str],
) -> Conclusion:
    of_metric = [row for row in of_workload if row["metric"] == metric]
    no_ratio = _no_ratio(of_workload, metric, baseline)
    if no_ratio:
        base = no_ratio
        said = tuple(f"{row['platform']}: {amount(row)}" for row in of_metric if row["n"] > 0)
    else:
        base, said = _baseline(of_metric, baseline), tuple(_sentences(compared, baseline))
    return Conclusion(
        workload=of_metric[0]["workload"],
        title=label(metric),
        table=anchor(metric) if compared and not no_ratio else "",
        baseline=base,
        sentences=(*said, *_absent(of_workload, metric, asked)),
    )


def _no_ratio(of_workload: Sequence[dict[str, Any]], metric: str, baseline: str) -> str:
    """Say why there is no ratio to the baseline; nothing where there is one."""
    own = [row for row in of_workload if row["platform"] == baseline]
    valid = {row["metric"] for row in own if row["n"] > 0}
    if metric in valid:
        return ""
    if metric in {row["metric"] for row in own}:
        return f"{baseline}, the baseline, has no valid window: there is nothing to compare with"
    if instead_of(metric) in valid:
        return f"{baseline} is measured by {label(instead_of(metric))}: there is no ratio to it"
    return f"{baseline}, the baseline, has no value of it: there is no ratio to it"


def amount(row: dict[str, Any]) -> str:
    """Spell what a row of the summary reached, with its interval and its doubts."""
    return f"{number(row['mean'])} {row['unit']}{interval(row)}{doubt(int(row['n_suspect']))}"


def _absent(
    of_workload: Sequence[dict[str, Any]], metric: str, asked: Sequence[str]
) -> Iterator[str]:
    """Name who has no valid window: none of this metric, or none of any of the workload."""
    valid = {row["platform"] for row in of_workload if row["n"] > 0}
    own = {row["platform"]: row["n"] > 0 for row in of_workload if row["metric"] == metric}
    for platform in asked:
        if not own.get(platform, platform in valid):
            yield f"{platform}: no valid window"


def comparisons(
    summary: Iterable[dict[str, Any]], ratios: pd.DataFrame, baseline: str
) -> list[Comparison]:
    """Take the comparisons from the table of ratios, and the suspect windows from the summary."""
    suspect = {
        (row["metric"], row["platform"], row["concurrency"]): int(row["n_suspect"])
        for row in summary
    }
    found = []
    for row in rows(ratios):
        places = ((row["metric"], name, row["concurrency"]) for name in (row["platform"], baseline))
        found.append(_comparison(row, sum(suspect.get(place, 0) for place in places)))
    return found


def _comparison(row: dict[str, Any], suspect: int) -> Comparison:
    return Comparison(
        metric=row["metric"],
        platform=row["platform"],
        concurrency=int(row["concurrency"]),
        ratio=row["ratio"],
        low=row["ci_low"],
        high=row["ci_high"],
        p=row["p_adj"],
        p_same=row["p_equivalence_adj"],
        margin=row["margin"],
        detectable=row["detectable"],
        test=_text(row.get("test")),
        note=_text(row["note"]),
        suspect=suspect,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _baseline(main: Sequence[dict[str, Any]], baseline: str) -> str:
    """Say what the baseline itself reached, since a ratio without its base says little."""
    own = [row for row in main if row["platform"] == baseline and row["n"] > 0]
    sweeps = len({row["concurrency"] for row in main}) > 1
    shown = own if len(own) <= FEW_LEVELS else [own[0], own[-1]]
    values = [
        f"{number(row['mean'])} {row['unit']}{at_level(row['concurrency'], sweeps=sweeps)}"
        f"{interval(row)}"
        for row in shown
    ]
    return f"{baseline} reaches {', '.join(values)}"


def interval(row: dict[str, Any]) -> str:
    """Spell the interval of a row of the summary, if it has one."""
    if not math.isfinite(row["ci_low"]):
        return ""
    if is_point(row["ci_low"], row["ci_high"]):
        return f" ({NO_VARIATION})"
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
    within = f"within {100 * one.margin:g} %"
    match one.reading:
        case Reading.NOT_TESTED:
            said = f"{ratio(one.ratio)} times {baseline}, untested ({one.note or 'no interval'})"
        case Reading.SAME:
            p = chance(one.p_same)
            said = f"the same as {baseline} {within} (ratio {ratio(one.ratio)}, {bounds}, {p})"
        case Reading.NO_DIFFERENCE:
            said = (
                f"no difference from {baseline} shown (ratio {ratio(one.ratio)}, {bounds}, "
                f"{chance(one.p)}); {_detectable(one)}"
            )
        case reading:
            said = (
                f"{reading.value}, {ratio(one.ratio)} times {baseline} ({bounds}, {chance(one.p)})"
            )
            said += f", yet {within}" if one.same else ""
    return f"{where}: {said}{doubt(one.suspect)}"


def _detectable(one: Comparison) -> str:
    if one.detectable > USELESS:
        return f"this run is too small to find {USELESS:g} times as much"
    return f"this run would have found {ratio(one.detectable)} times"


def chance(p: float) -> str:
    """Spell a probability with its name."""
    spelt = p_value(p)
    return f"p {spelt}" if spelt.startswith("<") else f"p = {spelt}"


def _over_levels(platform: str, levels: Sequence[Comparison], baseline: str) -> str:
    ratios = [one.ratio for one in levels if math.isfinite(one.ratio)]
    span = f"{ratio(min(ratios))} to {ratio(max(ratios))}" if ratios else "an unknown number of"
    readings = [one.reading for one in levels]
    counted = [
        f"{reading.value} at {readings.count(reading)}"
        for reading in Reading
        if reading in readings
    ]
    suspect = doubt(sum(one.suspect for one in levels))
    return (
        f"{platform}: {span} times {baseline} over {len(levels)} levels; "
        f"{', '.join(counted)}{suspect}"
    )


def doubt(suspect: int) -> str:
    """Say how many suspect windows are behind a sentence, if there are any."""
    if not suspect:
        return ""
    return f"; {suspect:,} suspect window{'' if suspect == 1 else 's'} behind it"
