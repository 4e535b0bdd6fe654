# SPDX-License-Identifier: Apache-2.0
"""The conclusions of the first screen.

For each main metric, each platform against the baseline; and which platform is first if its image
must be sent over a link, by the link's bandwidth.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from featherbench.records.cell import Metric
from featherbench.records.plan import PlannedPlatform
from featherbench.report.run_tables import RunTables
from featherbench.report.sentences.comparisons import platform_sentences
from featherbench.statistics.time_to_first_packet import (
    Contender,
    contenders,
    crossing_bandwidths,
    fastest_by_bandwidth,
    not_slower,
)
from featherbench.wording.formatting import number, rows
from featherbench.wording.phrases import (
    FEW_LEVELS,
    at_level,
    axis_of,
    in_brackets,
    suspect_note,
)

Intervals = Mapping[tuple[str, str, str], tuple[float, float]]

Row = dict[str, Any]


def conclusions(run: RunTables, requested: Mapping[str, Sequence[str]]) -> list[Row]:
    """Return the sentences on every main metric of the summary, grouped by workload.

    `title` is the metric's label, `baseline` the sentence on the baseline itself, and `table` the
    anchor of the table of ratios, if there is one. `requested` maps each workload to its platforms.
    Those without a valid window are listed, too.
    """
    by_workload: dict[str, list[Row]] = {}
    for row in run.main:
        by_workload.setdefault(row["workload"], []).append(row)
    return [
        _conclusion(run, metric, summary, requested.get(workload, ()))
        for workload, summary in by_workload.items()
        for metric in dict.fromkeys(row["metric"] for row in summary)
    ]


def _conclusion(
    run: RunTables, metric: str, of_workload: Sequence[Row], requested: Sequence[str]
) -> Row:
    summary = [row for row in of_workload if row["metric"] == metric]
    compared = [comparison for comparison in run.comparisons if comparison.metric == metric]
    no_ratio = _why_no_ratio(run, of_workload, metric)
    if no_ratio:
        sentences = [f"{row['platform']}: {amount(row)}" for row in summary if row["n"] > 0]
    else:
        sentences = list(platform_sentences(compared, run.baseline))
    others = [name for name in requested if name != run.baseline]
    return {
        "workload": summary[0]["workload"],
        "title": run.label(metric),
        "table": f"ratios-{metric}" if compared and not no_ratio else "",
        "baseline": no_ratio or _baseline(summary, run.baseline),
        "sentences": (*sentences, *_without_value(of_workload, metric, others)),
    }


def _why_no_ratio(run: RunTables, of_workload: Sequence[Row], metric: str) -> str:
    """Return why there is no ratio to the baseline; nothing if there is one."""
    of_baseline = [row for row in of_workload if row["platform"] == run.baseline]
    valid = {row["metric"] for row in of_baseline if row["n"] > 0}
    if metric in valid:
        return ""
    if any(row["metric"] == metric for row in of_baseline):
        return f"no ratios, because the baseline, {run.baseline}, has no valid window"
    other = run.counterpart(metric)
    if other in valid:
        return f"no ratios, because the baseline, {run.baseline}, has {run.label(other)} instead"
    return f"no ratios, because the baseline, {run.baseline}, has no value of this metric"


def amount(row: Row) -> str:
    """Return mean, unit, interval and suspect windows of a row of the summary."""
    suspect = suspect_note(int(row["n_suspect"]))
    return f"{number(row['mean'])} {row['unit']}{_interval(row)}{suspect}"


def _interval(row: Row) -> str:
    return in_brackets(row["ci_low"], row["ci_high"], number)


def _without_value(
    of_workload: Sequence[Row], metric: str, requested: Sequence[str]
) -> Iterator[str]:
    """Yield the platforms without a valid window of this metric, or of the whole workload."""
    with_value = {row["platform"] for row in of_workload if row["n"] > 0}
    of_metric = {row["platform"]: row["n"] > 0 for row in of_workload if row["metric"] == metric}
    for platform in requested:
        if not of_metric.get(platform, platform in with_value):
            yield f"{platform}: no valid window"


def _baseline(summary: Sequence[Row], baseline: str) -> str:
    """Return the values of the baseline, on which all ratios rest."""
    levels = [row for row in summary if row["platform"] == baseline and row["n"] > 0]
    sweeps = len({row["level"] for row in summary}) > 1
    shown = levels if len(levels) <= FEW_LEVELS else [levels[0], levels[-1]]
    values = [
        f"{number(row['mean'])} {row['unit']}"
        f"{at_level(row['level'], sweeps=sweeps, axis=axis_of(row))}{_interval(row)}"
        for row in shown
    ]
    return f"the baseline, {baseline}, has {', '.join(values)}"


NETWORK_PATHS = {
    "host": "at the machine’s own address",  # noqa: RUF001 - an apostrophe
    "nat": "through a published port (address translation)",
    "bridge": "over a bridge, at its own address",
}


def network_paths(platforms: Sequence[PlannedPlatform], baseline: str) -> str:
    """Return which platforms are reached over another path than the baseline; nothing if none."""
    paths = {platform.name: platform.network for platform in platforms}
    others = set(paths.values()) - {paths.get(baseline)}
    if baseline not in paths or not others:
        return ""
    reached = "; ".join(
        f"{', '.join(name for name, network in paths.items() if network == path)} "
        f"{NETWORK_PATHS.get(path, path)}"
        for path in sorted(others)
    )
    return (
        f"The platforms are reached over different network paths: {baseline} "
        f"{NETWORK_PATHS.get(paths[baseline], paths[baseline])}; {reached}. Ratios of throughput "
        "and latency include the cost of the path. To separate it from the cost of a container, "
        "add `network: [nat, bridge, host]` to its platform"
    )


def first_packet_sentences(samples: pd.DataFrame, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Return for each image which platform is first at which bandwidths, if there are several."""
    if samples.empty:
        return ()
    intervals = {
        (row["service"], row["first_below"], row["first_above"]): (row["ci_low"], row["ci_high"])
        for row in rows(crossing_bandwidths(samples, metrics))
    }
    return tuple(
        f"{service} image: {', '.join(_ranges(platforms, intervals))}{_left_out(platforms)}"
        for service, platforms in contenders(samples, metrics).items()
        if len(platforms) > 1
    )


def _ranges(platforms: Sequence[Contender], intervals: Intervals) -> Iterator[str]:
    service, ranges = platforms[0].service, fastest_by_bandwidth(platforms)
    first = f"{_with_equals(ranges[0].platform, platforms)} is first"
    if len(ranges) == 1:
        yield f"{first} at any bandwidth"
        return
    yield f"{first} on the slowest links"
    for below, above in pairwise(ranges):
        bounds = in_brackets(*intervals[service, below.platform, above.platform], number)
        platform = _with_equals(above.platform, platforms)
        yield f"from {number(above.low)} Mbit/s on{bounds} it is {platform}"


def _with_equals(platform: str, platforms: Sequence[Contender]) -> str:
    candidate = next(one for one in platforms if one.platform == platform)
    equals = not_slower(candidate, platforms)
    return f"{platform} (inconclusive against {' and '.join(equals)})" if equals else platform


def _left_out(platforms: Sequence[Contender]) -> str:
    plain = [one.platform for one in platforms if not one.isolates]
    isolating = len(platforms) - len(plain)
    return f"; without {plain[0]}, which does not isolate" if plain and isolating > 1 else ""
