# SPDX-License-Identifier: Apache-2.0
"""Which means of a run match which of the paper's, and why the others cannot be compared.

A platform, metric or workload that is not in `experiment.yaml`, or has other settings than there,
is not the paper's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from featherbench.plauth2017.data.experiment import EXPERIMENT, PLATFORMS, Condition
from featherbench.records.plan import Plan, PlannedPlatform
from featherbench.records.tuning import Tuning
from featherbench.wording.formatting import rows

Gap = dict[str, Any]

NETWORKS = {"docker": "nat", "lxd": "nat"}
"""The network path to the paper's containers: it suspects address translation as a cause."""
METRICS = {ours: one.metric.name for one in EXPERIMENT.metrics for ours in one.ours}
"""The names in the published data by ours."""
WORKLOAD_OF = {ours: one.workload for one in EXPERIMENT.metrics for ours in one.ours}
MINIMUM_MEMORY = {name: papers for name, papers in METRICS.items() if name.endswith("_minimum")}
"""The metrics of minimum memory, and those of memory in use."""
TABLE_3 = Tuning()
"""Our defaults are the paper's values."""
TUNING = (
    Condition(
        of="tuning", key="net_sysctls", accepted=(TABLE_3.net_sysctls,), papers="its Table 3"
    ),
    Condition(of="tuning", key="nofile", accepted=(TABLE_3.nofile,), papers=str(TABLE_3.nofile)),
)
"""Without `fs.file-max`: it is a limit of the whole machine that our runs never reach."""
TUNED = ("http", "kv")
"""Workloads with many connections, for which the tuning matters."""
CELL = ["metric", "level", "platform"]
VALUES = ["unit", "n", "mean", "n_suspect"]
GAP = [*CELL, "papers_platform", "reason"]
"""An empty field of the first three stands for all."""
TWO_QUANTITIES = (
    "the minimum memory of a virtual machine and the memory in use by a container are one quantity "
    "in the paper and two here, so that there is no ratio between them"
)


def matched_cells(
    plan: Plan, summary: pd.DataFrame, published: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cells that can be compared, joined, and the GAPs: what cannot, and why.

    In the joined cells, the paper's VALUES begin with `papers_`.
    """
    ours = summary[summary["metric"].isin(METRICS) & (summary["n"] > 0)]
    papers = with_our_names(plan, published)
    gaps = _platform_gaps(plan) + _workload_gaps(plan, ours, papers)
    theirs = papers[CELL + VALUES].rename(columns={name: f"papers_{name}" for name in VALUES})
    cells = ours[CELL + VALUES].merge(theirs, on=CELL, how="outer")
    for column in ("platform", "metric"):
        cells = cells[~cells[column].isin([gap[column] for gap in gaps if gap[column]])]
    cells = cells.assign(reason=[_reason(row, ours, papers) for row in rows(cells)])
    comparable = cells[cells["reason"] == ""].reset_index(drop=True)
    known = set(comparable["metric"])
    gaps += [
        _gap(metric=minimum, reason=TWO_QUANTITIES)
        for minimum, in_use in MINIMUM_MEMORY.items()
        if {minimum, in_use} <= known
    ]
    table = pd.DataFrame([*gaps, *_merged(cells)], columns=[*CELL, "reason"])
    names = PLATFORMS | {one.name: PLATFORMS.get(papers_name(one), "") for one in plan.platforms}
    papers_names = [names.get(str(name), "") for name in table["platform"]]
    return comparable, table.assign(papers_platform=papers_names)[GAP]


def with_our_names(plan: Plan, published: pd.DataFrame) -> pd.DataFrame:
    """Return published cells with our names of platforms and metrics, as far as the run has them.

    Memory of platforms with a fixed amount is their minimum memory, and memory in use of others.
    """
    platforms = {papers_name(one): one for one in plan.platforms if papers_name(one)}
    parts = [
        published[published["metric"] == papers].assign(metric=ours)
        for ours, papers in METRICS.items()
    ]
    cells = pd.concat(parts, ignore_index=True)
    fixed = {name for name, one in platforms.items() if one.fixed_memory}
    is_memory = cells["workload"] == "memory"
    is_minimum = cells["metric"].isin(MINIMUM_MEMORY)
    kept = cells[~is_memory | (is_minimum == cells["platform"].isin(fixed))]
    names = {papers: one.name for papers, one in platforms.items()}
    return kept.assign(platform=kept["platform"].replace(names)).reset_index(drop=True)


def _platform_gaps(plan: Plan) -> list[Gap]:
    gaps = [_gap(platform=one.name, reason=_not_the_papers(plan, one)) for one in plan.platforms]
    known = {papers_name(one) for one in plan.platforms}
    emulated = {f"{one.technology}-kvm": one.name for one in plan.platforms if one.emulated}
    for name in PLATFORMS:
        if name not in known:
            reason = "not requested in `platforms`"
            if name in emulated:
                reason += f"; {emulated[name]} is emulated and cannot replace it"
            gaps.append(_gap(platform=name, reason=reason))
    return [gap for gap in gaps if gap["reason"]]


def _not_the_papers(plan: Plan, platform: PlannedPlatform) -> str:
    if platform.emulated:
        return "emulated in software, which says nothing about the speed of virtualization"
    if not papers_name(platform):
        return "the paper did not run it"
    if platform.missing_requirements:
        return f"it cannot run here: {platform.missing_requirements[0].what}"
    return "; ".join(platform_differences(plan, platform))


def _workload_gaps(plan: Plan, ours: pd.DataFrame, papers: pd.DataFrame) -> list[Gap]:
    requested = {workload.name for workload in plan.workloads}
    gaps = []
    for metric in dict.fromkeys(papers["metric"]):
        workload = WORKLOAD_OF[metric]
        units, papers_units = (
            set(table.loc[table["metric"] == metric, "unit"]) for table in (ours, papers)
        )
        if workload not in requested:
            reason = f"`{workload}` is not requested in `workloads`"
        elif units and units != papers_units:
            reason = f"other units: {units.pop()} here, {papers_units.pop()} in the paper"
        else:
            reason = "; ".join(workload_differences(plan, workload))
        gaps += [_gap(metric=metric, reason=reason)] if reason else []
    return gaps


def _gap(**known: Any) -> Gap:  # noqa: ANN401 - any of GAP
    return {"metric": "", "level": None, "platform": ""} | known


def _reason(row: Mapping[str, Any], ours: pd.DataFrame, papers: pd.DataFrame) -> str:
    """Return why one cell cannot be compared; nothing if it can."""
    levels, papers_levels = (
        set(table.loc[table["metric"] == row["metric"], "level"]) for table in (ours, papers)
    )
    level = row["level"]
    if not row["papers_n"] > 0:
        if level in papers_levels:
            return "the paper has no value of it"
        return f"other levels: the paper has {_listed(papers_levels)}"
    if not row["papers_mean"] > 0:
        return "the published mean is 0"
    if not row["n"] > 0:
        if level in levels or not levels:
            return "no valid window here"
        return f"other levels: `concurrency` requests {_listed(levels)} here"
    return "" if row["mean"] > 0 else "the mean is 0 here"


def _listed(levels: set[int]) -> str:
    return ", ".join(f"{level:,}" for level in sorted(levels))


def _merged(cells: pd.DataFrame) -> Iterator[Gap]:
    """Yield one gap for all platforms of a level, or for all levels of a platform, if possible."""
    missing = cells[cells["reason"] != ""]
    for (metric, reason), group in missing.groupby(["metric", "reason"], sort=False):
        of_metric = cells[cells["metric"] == metric]
        single = group
        for level, at_level in group.groupby("level"):
            if len(at_level) == (of_metric["level"] == level).sum():
                yield _gap(metric=metric, level=level, reason=reason)
                single = single.drop(at_level.index)
        for platform, of_platform in single.groupby("platform", sort=False):
            levels = list(of_platform["level"])
            if len(levels) == (of_metric["platform"] == platform).sum():
                levels = [None]
            for level in levels:
                yield _gap(metric=metric, level=level, platform=platform, reason=reason)


def papers_name(platform: PlannedPlatform) -> str:
    """Return the name of a platform in the published data; nothing if it is not the paper's."""
    name = f"{platform.technology}-{platform.hypervisor}"
    same_path = platform.network == NETWORKS.get(platform.technology, platform.network)
    return name if name in PLATFORMS and same_path and not platform.emulated else ""


def platform_differences(plan: Plan, platform: PlannedPlatform) -> Iterator[str]:
    """Yield the settings in which a platform differs from the paper's."""
    name = platform.name.partition("+")[0]
    configured: list[dict[str, Any]] = plan.config.get("platforms", [])
    settings: dict[str, Any] = next(
        (one.get("settings", {}) for one in configured if one["name"] == name), {}
    )
    yield from _differences(platform.technology, settings)


def workload_differences(plan: Plan, workload: str) -> Iterator[str]:
    """Yield the settings, and the tuning, in which a workload differs from the paper's."""
    for planned in plan.workloads:
        if planned.name == workload:
            yield from _differences(workload, planned.settings)
    if workload in TUNED:
        yield from _differences("tuning", plan.config.get("tuning", {}))


def _differences(of: str, settings: Mapping[str, Any]) -> Iterator[str]:
    conditions = (one for one in (*EXPERIMENT.conditions, *TUNING) if one.of == of)
    yield from filter(None, (one.difference(settings) for one in conditions))
