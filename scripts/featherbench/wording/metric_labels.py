# SPDX-License-Identifier: Apache-2.0
"""Labels of metrics in sentences, as the plan declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from featherbench.records.plan import Plan

COUNTERPARTS = {"load": "minimum", "minimum": "load"}
"""Statistics of one quantity, of which a platform has one or the other."""


def label(plan: Plan | None, metric: str) -> str:
    """Return the label of a metric; its name without underscores if it is not declared."""
    declared = plan.metric(metric) if plan else None
    return declared.label if declared else metric.replace("_", " ")


def counterpart(plan: Plan | None, metric: str) -> str:
    """Return the metric that other platforms have instead: memory in use, or minimum memory."""
    declared = plan.metric(metric) if plan else None
    if plan is None or declared is None:
        return ""
    quantity = (declared.service, declared.aspect, COUNTERPARTS.get(declared.statistic))
    return next(
        (
            other.name
            for other in plan.metrics
            if (other.service, other.aspect, other.statistic) == quantity
        ),
        "",
    )
