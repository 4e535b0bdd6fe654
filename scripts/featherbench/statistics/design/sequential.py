# SPDX-License-Identifier: Apache-2.0
"""Whether enough deployments are measured: a sequential interval of fixed relative width.

From `least` deployments on, each is followed by an interim look, until the 95 % interval of the
mean extends no further than `precision` to either side (Chow and Robbins 1965, with Student's
quantiles and a least number). The replicates are the deployments' means (Kalibera and Jones 2013).
The interval is that of the summary: see `summary.SEQUENTIAL_CONFIDENCE`, and docs/statistics.md for
its coverage.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from featherbench.records.cell import Cell
from featherbench.records.plan import StoppingRule
from featherbench.records.stopping_decisions import (
    InterimLook,
    InterimLookSpec,
    LevelDecision,
    Reason,
    SeriesPrecision,
)
from featherbench.statistics.data.samples import samples_of
from featherbench.statistics.summary import summarize


def look(
    spec: InterimLookSpec,
    cells: Sequence[Cell],
    costs_s: Sequence[float],
    before: InterimLook | None,
) -> InterimLook:
    """Decide which load points continue, from all cells so far of those that continued until now.

    `costs_s` are the times of the deployments since the look `before`, with starts and warm-ups.
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
    decisions = {level.load_point: level for level in before.levels} if before else {}
    samples = samples_of(cells)
    main = samples[samples["primary"]]
    for load_point in before.continuing if before else spec.load_points:
        at_point = main[main["load_point"] == load_point]
        rows = summarize(at_point, sequential={spec.workload}).to_dict("records")
        series = tuple(_precision(row, spec.rule) for row in rows)
        decisions[load_point] = LevelDecision(
            load_point=load_point,
            deployments=spec.deployment,
            spent_s=sum(
                cell.duration_s for cell in cells if cell.coordinates.load_point == load_point
            ),
            series=series,
            reason=_reason(spec, series, fits=fits),
        )
    return list(decisions.values())


def _reason(
    spec: InterimLookSpec, series: Sequence[SeriesPrecision], *, fits: bool
) -> Reason | None:
    if series and all(precision.narrow for precision in series):
        return Reason.NARROW
    if spec.deployment >= spec.rule.most:
        return Reason.MOST
    return None if fits else Reason.BUDGET


def _precision(row: Mapping[Hashable, Any], rule: StoppingRule) -> SeriesPrecision:
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
    """Return whether measuring stops at this relative half width and number of deployments.

    A half width of NaN is not narrow.
    """
    return np.less_equal(half_width, rule.precision) & np.greater_equal(deployments, rule.least)


def relative_half_width(low: float, high: float) -> float:
    """Return half an interval's width as a fraction of its centre; NaN without an interval."""
    half, centre = (high - low) / 2, abs(high + low) / 2
    if half == 0:
        return 0.0
    return half / centre if centre else math.inf
