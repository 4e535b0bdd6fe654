# SPDX-License-Identifier: Apache-2.0
"""The tables of the analysis in the report: one entry of GROUPS for each, and its columns."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from featherbench.report.run_tables import RunTables
from featherbench.report.tables import (
    LEVEL,
    Columns,
    Row,
    Table,
    bounds,
    figure,
    name,
    prose,
    table,
    text_of,
)
from featherbench.statistics.conventions import DEPLOYMENT
from featherbench.statistics.data.replicates import CELL
from featherbench.statistics.data.samples import declared, valid
from featherbench.statistics.inference.ratios import unadjusted_ratios
from featherbench.wording.formatting import count, number, p_value, percentage, ratio, rows
from featherbench.wording.phrases import at_levels


def _verdicts(row: Row) -> str:
    counts = [int(row.get(f"n_{verdict}", 0)) for verdict in ("ok", "suspect", "invalid")]
    return " / ".join(f"{n:,}" for n in counts)


def _replicates(row: Row) -> str:
    return f"{count(row.get('n'))} / {count(row.get('deployments'))}"


LEVELS_OF_LOAD = figure("level", count)
P_ADJUSTED = figure("p_adj", p_value)
SUMMARY: Columns = {
    "platform": name("platform"),
    "metric": name("metric"),
    LEVEL: LEVELS_OF_LOAD,
    "mean": figure("mean"),
    "SD": figure("sd"),
    "median": figure("median"),
    "95 % interval": bounds("ci_low", "ci_high", number),
    "unit": name("unit"),
    "windows / deployments": ("num", _replicates),
    "ok / suspect / invalid": ("num", _verdicts),
    "remark": prose("ci_note"),
}
ANOVA: Columns = {
    "metric": name("metric"),
    "test": name("test"),
    "replicate": name("replicate"),
    "effect": name("effect"),
    "df": figure("df", count),
    "df resid.": figure("df_resid", count),
    "F": figure("F"),
    "p": figure("p", p_value),
    "partial η²": figure("partial_eta_squared", ratio),
    "partial ω²": figure("partial_omega_squared", ratio),
    "remark": prose("note"),
}
POSTHOC: Columns = {
    LEVEL: LEVELS_OF_LOAD,
    "platform": name("platform_a"),
    "against": name("platform_b"),
    "ratio": figure("ratio", ratio),
    "difference": figure("difference"),
    "95 % interval": bounds("ci_low", "ci_high", number),
    "p, adjusted": P_ADJUSTED,
    "test": name("test"),
    "replicate": name("replicate"),
    "error": name("error"),
    "remark": prose("note"),
}
RATIOS: Columns = {
    "platform": name("platform"),
    LEVEL: LEVELS_OF_LOAD,
    "ratio": figure("ratio", ratio),
    "95 % interval": bounds("ci_low", "ci_high"),
    "by bootstrap": bounds("boot_low", "boot_high"),
    "p, adjusted": P_ADJUSTED,
    "p of equivalence": figure("p_equivalence_adj", p_value),
    "minimum detectable": figure("detectable", ratio),
    "deployments": figure("n_deployments", count),
    "test": name("test"),
    "remark": prose("note"),
}
LEVELS: Columns = {
    "metric": name("metric"),
    LEVEL: LEVELS_OF_LOAD,
    "test": name("test"),
    "df": figure("df", count),
    "df resid.": figure("df_resid"),
    "statistic": figure("statistic"),
    "p, adjusted": P_ADJUSTED,
    "effect size": figure("effect_size", ratio),
    "remark": prose("note"),
}
COMPONENTS: Columns = {
    "metric": name("metric"),
    LEVEL: LEVELS_OF_LOAD,
    "platform": name("platform"),
    "SD between deployments": figure("sd_between", percentage),
    "SD between windows": figure("sd_within", percentage),
    "p, no variation between deployments": figure("p", p_value),
    "windows needed": figure("windows_needed", count),
    "deployments needed": figure("deployments_needed", count),
    "remark": prose("note"),
}
CHECKS: Columns = {
    "check": prose("check"),
    "metric": name("metric"),
    LEVEL: LEVELS_OF_LOAD,
    "platform": name("platform"),
    "p, adjusted": P_ADJUSTED,
    "effect": prose("detail"),
    "meaning": prose("reading"),
}
PHASES: Columns = {
    "platform": name("platform"),
    "phase": name("phase"),
    "mean": figure("mean"),
    "SD": figure("sd"),
    "share of the start": figure("share", percentage),
}
CROSSINGS: Columns = {
    "image": name("service"),
    "first on slower links": name("first_below"),
    "first on faster links": name("first_above"),
    "equal at, Mbit/s": figure("bandwidth_mbit_s"),
    "95 % interval from": figure("ci_low"),
    "to": figure("ci_high"),
    "remark": prose("note"),
}
REMAINDER = "remainder, until the first packet"
SHOWN_IN_CAPTION = {"metric": ["metric"], "unit": ["unit"], LEVEL: ["level", "load_point"]}
"""Columns that are left out if all rows have the same values."""


@dataclass(frozen=True)
class TableGroup:
    """The tables below one heading of the section "Tables".

    `tables` makes them, `file` has all their rows; what explains them is in `findings.html.j2`.
    `missing` stands in place of tables that do not exist; without it the heading is left out, too.
    If `rows_are` is set, each table is folded, and counts its rows by that noun.
    """

    heading: str
    file: str
    tables: Callable[[RunTables], Sequence[Table]]
    missing: str = ""
    rows_are: str = ""
    anchor: str = ""


def summaries(
    summary: pd.DataFrame, label: Callable[[str], str], *, primary: bool, columns: Columns = SUMMARY
) -> list[Table]:
    """Return one table for each workload, of its main metrics or of the others."""
    if summary.empty:
        return []
    chosen = summary[summary["primary"].astype(bool) == primary]
    return [
        table(
            frame,
            _varying(columns, frame),
            f"{workload}{_shared_by_all(frame, label)}",
            f"summary-{workload}" if primary else "",
        )
        for workload, frame in chosen.groupby("workload", sort=False)
    ]


def _varying(columns: Columns, frame: pd.DataFrame) -> Columns:
    constant = {
        heading
        for heading, columns_of in SHOWN_IN_CAPTION.items()
        if len(frame[frame.columns.intersection(columns_of)].drop_duplicates()) == 1
    }
    return {heading: column for heading, column in columns.items() if heading not in constant}


def _shared_by_all(frame: pd.DataFrame, label: Callable[[str], str]) -> str:
    metrics, units = set(frame["metric"]), set(frame["unit"])
    metric = f": {label(metrics.pop())}" if len(metrics) == 1 else ""
    return metric + (f", in {units.pop()}" if len(units) == 1 else "")


def phases(run: RunTables) -> list[Table]:
    """Return the one table of the phases of every platform's start, if any has phases."""
    summary = run["summary"]
    if summary.empty or run.plan is None:
        return []
    starts: dict[str, Row] = {}
    own_phases: dict[str, list[Row]] = {}
    for row in rows(summary[summary["n"] > 0]):
        declared = run.plan.metric(row["metric"])
        if declared and declared.aspect == "startup":
            starts[row["platform"]] = row
        elif declared and declared.aspect == "startup_phase":
            phase = row | {"phase": declared.statistic.replace("_", " ")}
            own_phases.setdefault(row["platform"], []).append(phase)
    shares = [
        share
        for platform, start in starts.items()
        for share in _shares(start, own_phases.get(platform, ()))
    ]
    if not shares:
        return []
    caption = f"Phases of the startup time, in {shares[0]['unit']}"
    return [table(pd.DataFrame(shares), PHASES, caption)]


def _shares(start: Row, own_phases: Sequence[Row]) -> Iterator[Row]:
    """Yield each phase and, if every start reported all of them, the remainder."""
    for row in own_phases:
        yield row | {"share": row["mean"] / start["mean"]}
    remainder_s = start["mean"] - sum(row["mean"] for row in own_phases)
    if remainder_s > 0 and {row["n"] for row in own_phases} == {start["n"]}:
        share = remainder_s / start["mean"]
        yield start | {"phase": REMAINDER, "mean": remainder_s, "sd": math.nan, "share": share}


def _ratios(run: RunTables) -> list[Table]:
    return [
        table(
            frame,
            _varying(RATIOS, frame),
            f"{run.label(metric)}, ratio to {frame['baseline'].iloc[0]}",
            f"ratios-{metric}",
        )
        for metric, frame in by_metric(run["ratios"])
    ]


def _pairs(run: RunTables) -> list[Table]:
    return [
        table(frame, POSTHOC, run.label(metric), f"pairs-{metric}")
        for metric, frame in by_metric(run["posthoc"])
    ]


def by_metric(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each metric with its rows, in the order of the frame."""
    if not frame.empty:
        for metric, part in frame.groupby("metric", sort=False):
            yield str(metric), part


def _one(source: str, columns: Columns, caption: str) -> Callable[[RunTables], list[Table]]:
    def make(run: RunTables) -> list[Table]:
        return [] if run[source].empty else [table(run[source], columns, caption)]

    return make


def check_results(run: RunTables) -> list[Table]:
    """Return the one table of the checks that found something, if any did."""
    checks = run["checks"]
    found = checks if checks.empty else checks[checks["found"].astype(bool)]
    return [] if found.empty else [table(found, CHECKS, "Results of the checks")]


def request_costs(run: RunTables) -> list[Table]:
    """Return the one table of the CPU time per request, at each metric's greatest load point.

    Nothing is tested: the ratios are those of the deployments' means in each block.
    """
    costs = _means_of_costs(run)
    if costs.empty:
        return []
    compared = rows(unadjusted_ratios(costs, run.baseline, 0.0))
    to_base = {(row["metric"], row["platform"]): row for row in compared}
    columns: Columns = {"platform": name("platform")}
    texts: dict[str, Row] = {each: {"platform": each} for each in costs["platform"].unique()}
    known = declared(costs, run.inputs.metrics)
    for row in rows(costs.groupby(CELL, sort=False)["mean"].mean().reset_index()):
        metric, platform = known[row["metric"]], row["platform"]
        heading = f"{metric.panel}{at_levels([row['level']], metric.axis)}"
        columns[heading] = ("num", text_of(metric.name))
        times = _times_base(to_base.get((metric.name, platform), {}))
        texts[platform][metric.name] = f"{number(row['mean'], 3)} {metric.unit}{times}"
    caption = f"CPU time per request, and its ratio to {run.baseline} (95 % interval); not tested"
    return [table(pd.DataFrame(texts.values()), columns, caption)]


def _means_of_costs(run: RunTables) -> pd.DataFrame:
    """Return the deployments' means at the greatest load points; of an open loop, if alone."""
    if run.samples.empty:
        return pd.DataFrame()
    samples = valid(run.samples)
    known = declared(samples, run.inputs.metrics).values()
    closed, at_rate = (
        [metric.name for metric in known if metric.aspect == aspect and not metric.statistic]
        for aspect in ("cpu_per_request", "open_cpu_per_request")
    )
    rows_of = samples[samples["metric"].isin(closed or at_rate)]
    greatest = rows_of["level"] == rows_of.groupby("metric")["level"].transform("max")
    by_deployment = rows_of[greatest].groupby([*CELL, DEPLOYMENT], sort=False)["value"]
    return by_deployment.mean().rename("mean").reset_index()


def _times_base(compared: Row) -> str:
    if not math.isfinite(compared.get("ratio", math.nan)):
        return ""
    low, high = compared["ci_low"], compared["ci_high"]
    within = f" ({ratio(low)} to {ratio(high)})" if math.isfinite(low) else ""
    return f", {ratio(compared['ratio'])} times{within}"


GROUPS = (
    TableGroup(
        "Summary",
        "summary",
        lambda run: summaries(run["summary"], run.label, primary=True),
        missing="There is no summary.",
    ),
    TableGroup(
        "Secondary metrics",
        "summary",
        lambda run: summaries(run["summary"], run.label, primary=False),
        rows_are="row",
    ),
    TableGroup("Phases of the start", "summary", phases),
    TableGroup("Ratios to the baseline", "ratios", _ratios, missing="There are no ratios."),
    TableGroup(
        "Each level",
        "levels",
        _one("levels", LEVELS, "Differences between platforms at each level"),
        missing="There are no tests of levels.",
    ),
    TableGroup(
        "Variation, and what the next run needs",
        "components",
        _one("components", COMPONENTS, "Variation between deployments and between windows"),
        missing="The variation is not known.",
        rows_are="cell",
    ),
    TableGroup(
        "Analysis of variance",
        "anova",
        _one("anova", ANOVA, "Analysis of variance"),
        missing="There is no analysis of variance.",
    ),
    TableGroup(
        "Time to first packet against link bandwidth",
        "provisioning",
        _one("provisioning", CROSSINGS, "Bandwidths at which two platforms are equally fast"),
        rows_are="pair",
        anchor="crossings",
    ),
    TableGroup(
        "Pairwise comparisons",
        "posthoc",
        _pairs,
        missing="There are no comparisons.",
        rows_are="comparison",
    ),
)
"""In the order of the report."""


def shown(run: RunTables) -> list[tuple[TableGroup, Sequence[Table]]]:
    """Return the groups for the template, with their tables."""
    groups = [_with_tables(group, run) for group in GROUPS]
    return [(group, tables) for group, tables in groups if tables or group.missing]


def _with_tables(group: TableGroup, run: RunTables) -> tuple[TableGroup, Sequence[Table]]:
    """Return a group and its tables; without these, why they could not be made is `missing`."""
    tables = run.inputs.attempt(group.heading, lambda: group.tables(run))
    failure = run.inputs.faults.get(group.heading) or run.inputs.failure_of(f"analyze/{group.file}")
    if failure and not tables:
        group = replace(group, missing=f"This could not be computed: {failure}")
    return group, tables
