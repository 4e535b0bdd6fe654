# SPDX-License-Identifier: Apache-2.0
"""Whether enough deployments are measured: a sequential interval of fixed relative width.

After each deployment from `least` on, until the 95 % interval of the mean reaches no further than
`precision` to either side (Chow and Robbins 1965, with Student's quantiles and a least number). The
replicates are the deployments' means (Kalibera and Jones 2013), the interval is the one that the
summary publishes: see `summary.WATCHED`, and docs/statistics.md for what it covers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from featherbench.records.stopping_decisions import (
    InterimLook,
    InterimLookSpec,
    LevelDecision,
    Reason,
    SeriesPrecision,
)
from featherbench.statistics.data.samples import frame
from featherbench.statistics.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from featherbench.records.cell import Cell
    from featherbench.records.plan import StoppingRule


def look(
    spec: InterimLookSpec,
    cells: Sequence[Cell],
    costs_s: Sequence[float],
    before: InterimLook | None,
) -> InterimLook:
    """Decide which levels go on, from all cells so far of those that went on until now.

    `costs_s` are of the deployments since the look `before`, starts and warm-ups included.
    """
    spent_s = sum(costs_s) + (before.spent_s if before else 0.0)
    longest_s = max(*costs_s, before.longest_s if before else 0.0)
    fits = spec.rule.budget_s is None or spent_s + longest_s <= spec.rule.budget_s
    return InterimLook(
        platform=spec.platform,
        workload=spec.workload,
        deployment=spec.deployment,
        rule=spec.rule,
        spent_s=spent_s,
        longest_s=longest_s,
        levels=tuple(_levels(spec, cells, before, fits=fits)),
    )


def _levels(
    spec: InterimLookSpec, cells: Sequence[Cell], before: InterimLook | None, *, fits: bool
) -> list[LevelDecision]:
    found = {one.concurrency: one for one in before.levels} if before else {}
    series = _series(spec, cells)
    for level in before.continuing_levels if before else spec.levels:
        own = tuple(series.get(level, ()))
        found[level] = LevelDecision(
            concurrency=level,
            deployments=spec.deployment,
            spent_s=sum(one.duration_s for one in cells if one.coordinates.concurrency == level),
            series=own,
            reason=_reason(spec, own, fits=fits),
        )
    return list(found.values())


def _reason(
    spec: InterimLookSpec, series: Sequence[SeriesPrecision], *, fits: bool
) -> Reason | None:
    if series and all(one.narrow for one in series):
        return Reason.NARROW
    if spec.deployment >= spec.rule.most:
        return Reason.MOST
    return None if fits else Reason.BUDGET


def _series(spec: InterimLookSpec, cells: Sequence[Cell]) -> dict[int, list[SeriesPrecision]]:
    samples = frame(cells)
    summary = summarize(samples[samples["primary"]], watched={spec.workload})
    found: dict[int, list[SeriesPrecision]] = {}
    for row in summary.to_dict("records"):
        found.setdefault(int(row["concurrency"]), []).append(_one_series(row, spec.rule))
    return found


def _one_series(row: Mapping[Hashable, Any], rule: StoppingRule) -> SeriesPrecision:
    half_width = relative_half_width(row["ci_low"], row["ci_high"])
    return SeriesPrecision(
        metric=row["metric"],
        deployments=row["deployments"],
        windows=row["n"],
        half_width=half_width if math.isfinite(half_width) else None,
        narrow=bool(is_narrow(half_width, row["deployments"], rule)),
    )


def is_narrow(
    half_width: float | np.ndarray, deployments: int | np.ndarray, rule: StoppingRule
) -> np.ndarray:
    """Whether measuring stops at intervals of this relative half width, over so many deployments.

    One of NaN is not narrow.
    """
    return np.less_equal(half_width, rule.precision) & np.greater_equal(deployments, rule.least)


def relative_half_width(low: float, high: float) -> float:
    """Half of an interval's width, as a fraction of its centre; NaN where there is no interval."""
    half, centre = (high - low) / 2, abs(high + low) / 2
    if half == 0:
        return 0.0
    return half / centre if centre else math.inf
