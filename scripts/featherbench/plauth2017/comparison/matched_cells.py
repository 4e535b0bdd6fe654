# SPDX-License-Identifier: Apache-2.0
"""Which means of a run stand beside which of the paper's, and why the others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from featherbench.plauth2017.comparison.name_mapping import (
    METRICS,
    PLATFORMS,
    WORKLOAD_OF,
    papers_name,
    platform_otherwise,
    workload_otherwise,
)
from featherbench.wording.metric_labels import instead_of
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.records.plan import Plan, PlannedPlatform

CELL = ["metric", "concurrency", "platform"]
OF_CELL = [*CELL, "unit", "n", "mean", "n_suspect"]
GAP = [*CELL, "papers_platform", "reason"]
"""An empty field of the first three stands for all."""
MINIMUM = "_minimum"
TWO_QUANTITIES = (
    "what suffices a guest and what a container holds are one figure in the paper, and two here: "
    "no ratio of the one to the other"
)

Cells = pd.DataFrame
"""Rows by OF_CELL; joined, the paper's columns end in `_there`."""


def beside(plan: Plan, summary: pd.DataFrame, published: pd.DataFrame) -> tuple[Cells, Cells]:
    """Give the cells that can be compared, joined, and the GAPs: what cannot, and why."""
    here = summary[summary["metric"].isin(METRICS) & (summary["n"] > 0)]
    there = in_our_words(plan, published)
    whole = _platform_gaps(plan) + _workload_gaps(plan, here, there)
    joined = here[OF_CELL].merge(there[OF_CELL], on=CELL, how="outer", suffixes=("", "_there"))
    asked = _outside(joined, whole)
    told = asked.assign(reason=[_reason(row, here, there) for row in rows(asked)])
    both = told[told["reason"] == ""].reset_index(drop=True)
    whole += _two_quantities(both)
    return both, _gaps(plan, whole, told)


def in_our_words(plan: Plan, published: pd.DataFrame) -> pd.DataFrame:
    """Name the published platforms and metrics as the run does; those it lacks keep their names.

    Memory is what suffices of platforms that have a fixed amount, and what it holds of others.
    """
    names = {papers_name(one): one for one in plan.platforms if papers_name(one)}
    parts = [
        published[published["metric"] == theirs].assign(metric=ours)
        for ours, theirs in METRICS.items()
    ]
    whole = pd.concat(parts, ignore_index=True)
    fixed = {name for name, one in names.items() if one.fixed_memory}
    is_memory = whole["workload"] == "memory"
    is_minimum = whole["metric"].str.endswith(MINIMUM)
    kept = whole[~is_memory | (is_minimum == whole["platform"].isin(fixed))]
    ours = {papers: one.name for papers, one in names.items()}
    return kept.assign(platform=kept["platform"].replace(ours)).reset_index(drop=True)


def _platform_gaps(plan: Plan) -> list[dict[str, Any]]:
    found = [_gap(platform=one.name, reason=_not_the_papers(plan, one)) for one in plan.platforms]
    there = {papers_name(one) for one in plan.platforms}
    emulated = {f"{one.technology}-kvm": one.name for one in plan.platforms if one.emulated}
    for name in PLATFORMS:
        if name not in there:
            instead = f"; {emulated[name]} is emulated, and no stand-in" if name in emulated else ""
            reason = f"not asked for in `platforms`{instead}"
            found.append(_gap(platform=name, reason=reason))
    return [gap for gap in found if gap["reason"]]


def _not_the_papers(plan: Plan, one: PlannedPlatform) -> str:
    if one.emulated:
        return "emulated in software, which is no measure of virtualization"
    if not papers_name(one):
        return "the paper did not run it"
    if one.missing_requirements:
        return f"it cannot run here: {one.missing_requirements[0].what}"
    return "; ".join(platform_otherwise(plan, one))


def _workload_gaps(plan: Plan, here: pd.DataFrame, there: pd.DataFrame) -> list[dict[str, Any]]:
    asked = {one.name for one in plan.workloads}
    found = []
    for metric in dict.fromkeys(there["metric"]):
        workload = WORKLOAD_OF[metric]
        units = [set(of.loc[of["metric"] == metric, "unit"]) for of in (here, there)]
        if workload not in asked:
            reason = f"`{workload}` is not asked for in `workloads`"
        elif units[0] and units[0] != units[1]:
            reason = f"other units: {units[0].pop()} here, {units[1].pop()} in the paper"
        else:
            reason = "; ".join(workload_otherwise(plan, workload))
        found += [_gap(metric=metric, reason=reason)] if reason else []
    return found


def _two_quantities(both: Cells) -> list[dict[str, Any]]:
    metrics = [metric for metric in METRICS if metric.endswith(MINIMUM)]
    return [
        _gap(metric=metric, reason=TWO_QUANTITIES)
        for metric in metrics
        if {metric, instead_of(metric)} <= set(both["metric"])
    ]


def _gap(**known: Any) -> dict[str, Any]:  # noqa: ANN401 - any of GAP
    return {"metric": "", "concurrency": None, "platform": ""} | known


def _outside(cells: Cells, gaps: list[dict[str, Any]]) -> Cells:
    """Leave out what a gap of a whole platform or metric speaks of."""
    platforms = {gap["platform"] for gap in gaps if not gap["metric"]}
    metrics = {gap["metric"] for gap in gaps if gap["metric"]}
    left_out = cells["platform"].isin(platforms) | cells["metric"].isin(metrics)
    return cells[~left_out].reset_index(drop=True)


def _reason(row: Mapping[str, Any], here: pd.DataFrame, there: pd.DataFrame) -> str:
    """Say why one cell cannot be compared; nothing if it can."""
    levels = [set(of.loc[of["metric"] == row["metric"], "concurrency"]) for of in (here, there)]
    level = row["concurrency"]
    if not row["n_there"] > 0:
        if level in levels[1]:
            return "the paper has no value of it"
        return f"other levels: the paper has {_listed(levels[1])}"
    if not row["mean_there"] > 0:
        return "the published mean is 0"
    if not row["n"] > 0:
        if level in levels[0] or not levels[0]:
            return "no valid window here"
        return f"other levels: `concurrency` asks for {_listed(levels[0])} here"
    return "" if row["mean"] > 0 else "the mean is 0 here"


def _listed(levels: set[int]) -> str:
    return ", ".join(f"{level:,}" for level in sorted(levels))


def _gaps(plan: Plan, whole: list[dict[str, Any]], cells: Cells) -> Cells:
    """Tell of a cell alone only where that is not so of all platforms, or all levels."""
    found = pd.DataFrame([*whole, *_collapsed(cells)], columns=GAP[:3] + GAP[4:])
    words = PLATFORMS | {one.name: PLATFORMS.get(papers_name(one), "") for one in plan.platforms}
    named = [words.get(str(name), "") for name in found["platform"]]
    return found.assign(papers_platform=named)[GAP]


def _collapsed(cells: Cells) -> Iterator[dict[str, Any]]:
    missing = cells[cells["reason"] != ""]
    for (metric, reason), own in missing.groupby(["metric", "reason"], sort=False):
        of_metric = cells[cells["metric"] == metric]
        for level, at_level in own.groupby("concurrency"):
            if len(at_level) == (of_metric["concurrency"] == level).sum():
                yield _gap(metric=metric, concurrency=level, reason=reason)
                own = own.drop(at_level.index)  # noqa: PLW2901 - told
        for platform, of_platform in own.groupby("platform", sort=False):
            places = list(of_platform["concurrency"])
            if len(places) == (of_metric["platform"] == platform).sum():
                places = [None]
            for level in places:
                yield _gap(metric=metric, concurrency=level, platform=platform, reason=reason)
