# SPDX-License-Identifier: Apache-2.0
"""The window of a capacity: a search over offered rates, by windows of load."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from featherbench.contracts.load_generator import Load
from featherbench.measuring.capacity_search import Ending, OpenWindow, Rules, Search
from featherbench.measuring.load_windows import CPU_PER_REQUEST, WindowSeries
from featherbench.measuring.window import Moment, build_window
from featherbench.measuring.window_verdict import FAULTS, WindowFacts
from featherbench.records.cell import Measure, Metric, Verdict, Window

LATE_FRACTION = 0.1
"""Of the objective: more lateness of the load generator's own than this may decide about a rate."""
OVERLOAD = {"failures", "no answer", "short of the rate"}
"""Keywords of reasons that say no more than that the rate is too high."""
LATE, SATURATED = "late", "client saturated"
"""Keywords of reasons that are judged by the bounds: a rate that passed did so nevertheless."""
NEAR_REACH_FRACTION = 0.8
"""Of what the closed loop reached: from here on, what held it up also limits the open loop."""
REACH, LATENCY_P99 = "reach", "latency_p99"


def capacity_metrics(
    prefix: str, *, service: str, panel: str, operation: str, objective_ms: float
) -> dict[str, Metric]:
    """Return the metrics of a capacity by statistic; that of the capacity itself is empty."""
    rows = (
        ("", "requests/s", f"capacity at p99 of {objective_ms:g} ms"),
        (REACH, "requests/s", "throughput of the closed loop"),
        (LATENCY_P99, "us", "latency p99 at the capacity"),
        (CPU_PER_REQUEST, "us", "CPU time per request at the capacity"),
    )
    return {
        statistic: Metric(
            name=f"{prefix}_capacity_{statistic}".rstrip("_"),
            service=service,
            aspect="capacity",
            unit=unit,
            better="lower" if unit == "us" else "higher",
            label=f"{panel} {label}",
            panel="" if statistic else panel,
            operation=operation,
            statistic=statistic,
        )
        for statistic, unit, label in rows
    }


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A window at an offered rate: what the search sees of it, and its record."""

    seen: OpenWindow
    record: Window


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A search that is over, with the windows of load behind it; `faults` ended it early."""

    search: Search
    reach: Window
    tried: Sequence[Tried]
    faults: Sequence[str]

    def at(self, rate_per_s: float | None) -> list[Tried]:
        """Return the windows that decided about one of the bounds."""
        decided = (one for one in self.tried if self.search.decided(one.seen))
        return [one for one in decided if one.seen.rate_per_s == rate_per_s]


def capacity_window(
    series: WindowSeries, rules: Rules, metrics: Mapping[str, Metric], *, index: int
) -> Window:
    """Search the capacity by windows of `series`, whose load is a closed loop.

    `metrics` are those of `capacity_metrics`.
    """
    started = Moment.now()
    found = _find(series, rules)
    passed = [one.record for one in found.at(found.search.capacity_per_s)]
    records = (found.reach, *(one.record for one in found.tried))
    return build_window(
        metrics[""],
        found.search.capacity_per_s or 0.0,
        index=index,
        started=started,
        duration_s=Moment.now().monotonic_s - started.monotonic_s,
        facts=WindowFacts(
            failures=_failures_within(found.search),
            answered=sum(record.requests or 0 for record in records),
        ),
        faults=[*found.faults, *_never_passed(found)],
        issues=[*_imprecise(found.search), *_client_limits(found), *_suspicions(found)],
        secondary=_secondary(series, metrics, found.reach, passed),
        command=passed[0].command if passed else found.reach.command,
        notes=_notes(found.search),
    )


def _find(series: WindowSeries, rules: Rules) -> Finding:
    closed = series.load
    reach = _taken(series, closed)
    faults = [*_faults(reach, FAULTS | OVERLOAD, "in the closed loop")]
    search, tried = Search(rules=rules, reach_per_s=reach.value), list[Tried]()
    while not faults and (rate_per_s := search.next_per_s()) is not None:
        record = _taken(series, replace(closed, rate_per_s=rate_per_s))
        faults += _faults(record, FAULTS, _at(rate_per_s))
        tried.append(Tried(seen=_seen(series, rate_per_s, record), record=record))
        search = search.after(tried[-1].seen)
    series.load = closed
    return Finding(search=search, reach=reach, tried=tried, faults=faults)


def _taken(series: WindowSeries, load: Load) -> Window:
    series.load = load
    series.take()
    return series.windows[-1]


def _seen(series: WindowSeries, rate_per_s: float, record: Window) -> OpenWindow:
    p99_us = _figure(series, record, LATENCY_P99) or None
    return OpenWindow(
        rate_per_s=rate_per_s,
        offered=record.notes["offered"],
        answered=record.requests or 0,
        p99_ms=None if p99_us is None else p99_us / 1e3,
        lateness_p99_ms=record.notes["lateness_us"].get("p99", 0.0) / 1e3,
        failures=record.failures,
    )


def _figure(series: WindowSeries, record: Window, name: str) -> float | None:
    """Return a figure of a window of load; None if it has none."""
    figures = {record.metric: record.value, **{one.metric: one.value for one in record.secondary}}
    return figures.get(series.metrics[name].name)


def _at(rate_per_s: float) -> str:
    return f"at {rate_per_s:,.0f} requests/s"


def _keyword(reason: str) -> str:
    return reason.partition(":")[0]


def _faults(record: Window, keywords: Iterable[str], where: str) -> Iterator[str]:
    """Yield the reasons with these keywords: no search can go on after them."""
    for reason in record.reasons:
        if record.verdict is Verdict.INVALID and _keyword(reason) in keywords:
            yield f"{reason} ({where})"


def _never_passed(found: Finding) -> Iterator[str]:
    failing = found.search.failing_per_s
    if found.faults or found.search.capacity_per_s is not None or failing is None:
        return
    seen = found.at(failing)[0].seen
    p99 = "no latency" if seen.p99_ms is None else f"a p99 of {seen.p99_ms:.3g} ms"
    yield (
        f"never passed: even {_at(failing)}, {seen.answered:,} of {seen.offered:,} requests were "
        f"answered, with {p99}"
    )


def _failures_within(search: Search) -> dict[str, int]:
    """Return the failures at rates up to the capacity, where nothing may fail."""
    failures = Counter[str]()
    for window in search.windows:
        if window.rate_per_s <= (search.capacity_per_s or 0.0):
            failures.update(window.failures)
    return dict(failures)


def _imprecise(search: Search) -> Iterator[str]:
    capacity, failing = search.capacity_per_s, search.failing_per_s
    if capacity is not None and search.ending is Ending.MOST_WINDOWS:
        limit = "no rate failed" if failing is None else f"{failing:,.0f} failed"
        tries = len(search.windows)
        yield f"imprecise: after {tries} tries {capacity:,.0f} requests/s passed, and {limit}"


def _client_limits(found: Finding) -> Iterator[str]:
    """Yield why the lowest rate that failed may have failed by the load generator alone."""
    failing = found.search.failing_per_s
    if failing is None:
        return
    late_ms = max(one.seen.lateness_p99_ms for one in found.at(failing))
    if late_ms > LATE_FRACTION * found.search.rules.objective_ms:
        yield (
            f"client late: {_at(failing)}, which failed, the load generator itself was late by "
            f"{late_ms:.3g} ms (p99)"
        )
    if failing >= NEAR_REACH_FRACTION * found.reach.value:
        yield from (
            f"{reason} (in the closed loop)"
            for reason in found.reach.reasons
            if _keyword(reason) == SATURATED
        )


def _suspicions(found: Finding) -> Iterator[str]:
    """Yield what is in doubt of the windows that decided about the bounds, each kind once."""
    search, reasons = found.search, dict[str, str]()
    for one in (*found.at(search.failing_per_s), *found.at(search.capacity_per_s)):
        for reason in one.record.reasons:
            if _keyword(reason) not in OVERLOAD | FAULTS | {LATE}:
                reasons.setdefault(_keyword(reason), f"{reason} ({_at(one.seen.rate_per_s)})")
    yield from reasons.values()


def _secondary(
    series: WindowSeries, metrics: Mapping[str, Metric], reach: Window, passed: Sequence[Window]
) -> Iterator[Measure]:
    yield metrics[REACH].measure(reach.value)
    for name in (LATENCY_P99, CPU_PER_REQUEST):
        figures = [_figure(series, record, name) for record in passed]
        known = [figure for figure in figures if figure is not None]
        if known:
            yield metrics[name].measure(median(known))


def _notes(search: Search) -> dict[str, object]:
    """Return the whole search: its rules, its windows, its bounds, and why it ended."""
    return {
        "rules": search.rules.model_dump(mode="json"),
        "reach_per_s": search.reach_per_s,
        "tries": [
            {
                **window.model_dump(mode="json"),
                "achieved_per_s": window.answered / search.rules.window_s,
                "passed": search.rules.passed(window),
            }
            for window in search.windows
        ],
        "bounds_per_s": [search.capacity_per_s, search.failing_per_s],
        "ended": search.ending or "a fault",
    }
