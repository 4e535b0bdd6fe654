# SPDX-License-Identifier: Apache-2.0
"""The catalogue of figures: the paper's, with its numbers, and further ones, numbered on.

This module is read whenever the workflow starts, so it imports nothing that draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from featherbench.figures import captions
from featherbench.records.cell import Metric
from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload

FORMATS = ("svg", "png")
INVARIABLE = {"image_size"}
"""Workloads whose values do not vary: they have neither distribution nor drift."""
WITHOUT_LATENCY = {"weighttp"}
"""Load generators that do not measure latencies."""


class FigureKind(StrEnum):
    """What a figure shows, and the module that draws it."""

    DOT_PLOT = "dot_plot"
    LINE_PLOT = "line_plot"
    RATIOS = "forest_plot"
    LATENCY_THROUGHPUT = "latency_throughput"
    LATENCY_AT_RATE = "latency_at_rate"
    QUANTILES = "quantile_plot"
    DISTRIBUTION = "distribution"
    RUN_ORDER = "run_order"
    TIME_TO_FIRST_PACKET = "time_to_first_packet"


PER_WORKLOAD = {FigureKind.DOT_PLOT, FigureKind.LINE_PLOT}
"""Kinds that show only the platforms that can run their workloads."""


@dataclass(frozen=True, kw_only=True)
class FigureSpec:
    """One figure: which metrics and platforms it shows, and how.

    It needs every one of `workloads`, or any that varies if it has none. Its metrics are those of
    `aspect` and of `services` (of any, if empty); with `titles`, those whose operation or statistic
    is a key, whose value is the title of their panel. `fixed_memory_titles` are in their place for
    platforms with a fixed amount of memory. `for_plan` puts the metrics with the titles of their
    panels into `panels`, unless these are given.

    `virtualized` restricts it to platforms that are, or are not; None shows both. Emulated
    platforms have figures of their own; only the baseline of their ratios is not emulated. Ratios
    with `amounts` have the means beside them. `marks` says what marks and bars mean, and `note`
    what a reader must know of the metrics.
    """

    name: str
    title: str
    kind: FigureKind
    workloads: tuple[str, ...]
    axis: str
    marks: str
    note: str = ""
    aspect: str = ""
    services: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)
    fixed_memory_titles: Mapping[str, str] = field(default_factory=dict, hash=False)
    fixed_memory_note: str = ""
    panels: Mapping[str, str] = field(default_factory=dict, hash=False)
    log_scale: bool = False
    amounts: bool = False
    virtualized: bool | None = None
    emulated: bool = False

    @property
    def caption(self) -> str:
        """What its marks and bars mean, and what to know of its metrics and platforms."""
        stand_in = captions.EMULATED if self.emulated else ""
        return " ".join(filter(None, (self.marks, self.note, stand_in)))

    def platforms(self, plan: Plan) -> tuple[PlannedPlatform, ...]:
        """Return the platforms of `plan` that it shows; none if the plan has no data for it."""
        planned = {workload.name: workload for workload in plan.workloads}
        needed = self.workloads or tuple(set(planned) - INVARIABLE)[:1]
        if not needed or not planned.keys() >= set(needed):
            return ()
        shown = tuple(filter(self._shows, plan.platforms))
        return shown if shown and self._has_data(plan, shown, planned[needed[0]]) else ()

    def for_plan(self, plan: Plan) -> FigureSpec:
        """Return the figure with the panels, the axis, and the notes that its platforms need."""
        fixed = {platform.fixed_memory for platform in self.platforms(plan)}
        panels, note = self.panels, self.note
        if not panels and self.fixed_memory_titles and True in fixed:
            panels, note = self._panels(plan, self.fixed_memory_titles), self.fixed_memory_note
            if False in fixed:
                panels = {**self._panels(plan, self.titles), **panels}
                note = f"{self.note} {note} {captions.NOT_THE_SAME}"
        elif not panels:
            panels = self._panels(plan, self.titles)
        units = [metric.unit for name in panels if (metric := plan.metric(name))]
        axis = self.axis.format(unit=next(iter(units), ""), baseline=plan.baseline)
        return replace(self, panels=panels, note=note, axis=axis)

    @property
    def fixed_memory_metrics(self) -> tuple[str, ...]:
        """The metrics, among the panels, of platforms with a fixed amount of memory."""
        titles = self.fixed_memory_titles.values()
        return tuple(metric for metric, title in self.panels.items() if title in titles)

    def _panels(self, plan: Plan, titles: Mapping[str, str]) -> dict[str, str]:
        shown = list(filter(self._is_about, plan.metrics))
        if titles:
            by_key = {metric.operation or metric.statistic: metric.name for metric in shown}
            return {by_key[key]: title for key, title in titles.items() if key in by_key}
        statistics = list(dict.fromkeys(metric.statistic for metric in shown))
        shown.sort(key=lambda metric: statistics.index(metric.statistic))
        return {metric.name: metric.panel for metric in shown if metric.panel}

    def _is_about(self, metric: Metric) -> bool:
        is_of_services = not self.services or metric.service in self.services
        return is_of_services and self.aspect in {"", metric.aspect}

    def _shows(self, platform: PlannedPlatform) -> bool:
        has_it = self.kind not in PER_WORKLOAD or all(map(platform.runs, self.workloads))
        same_stratum = platform.available and platform.emulated == self.emulated
        return has_it and same_stratum and self.virtualized in {None, platform.virtualized}

    def _has_data(
        self, plan: Plan, shown: tuple[PlannedPlatform, ...], workload: PlannedWorkload
    ) -> bool:
        axes = {point.axis for point in workload.load_points}
        about = filter(self._is_about, plan.metrics)
        if self.aspect and all(metric.axis not in axes for metric in about):
            return False
        match self.kind:
            case FigureKind.RATIOS:
                return any(self._has_ratio(plan, platform) for platform in shown)
            case FigureKind.LATENCY_THROUGHPUT:
                settings = plan.config.get("workloads", {}).get(workload.name) or {}
                return settings.get("load_generator") not in WITHOUT_LATENCY
            case FigureKind.DISTRIBUTION:
                return workload.deployments * workload.windows > 1
            case FigureKind.TIME_TO_FIRST_PACKET:
                return len(shown) > 1
            case _:
                return True

    def _has_ratio(self, plan: Plan, platform: PlannedPlatform) -> bool:
        """Return whether the baseline is another one, available, and measured in the same way."""
        return any(
            base.name == plan.baseline
            and base is not platform
            and base.available
            and (self.emulated or not base.emulated)
            and (base.fixed_memory == platform.fixed_memory or self.aspect != "memory")
            for base in plan.platforms
        )


Part = dict[str, Any]
"""Some fields of a figure: what it is about, or how figures of its kind look."""


def _look(kind: FigureKind, axis: str, marks: str) -> Part:
    return {"kind": kind, "axis": axis, "marks": marks}


def _dots(quantity: str) -> Part:
    return _look(FigureKind.DOT_PLOT, f"{quantity} [{{unit}}]", captions.DOT_PLOT)


def _windows(quantity: str, levels: str = "") -> Part:
    marks = captions.DISTRIBUTION.format(levels=levels)
    return _look(FigureKind.DISTRIBUTION, f"{quantity}, relative to the median", marks)


BOTH_SERVICES = {"services": ("http", "kv")}
HTTP: Part = {"workloads": ("http",), "aspect": "throughput", "services": ("http",)}
KV: Part = {"workloads": ("kv",), "aspect": "throughput", "services": ("kv",)}
KV_IN_PANELS = KV | {"titles": {"GET": "GET", "SET": "SET"}}
STARTUP: Part = {"workloads": ("startup",), "aspect": "startup"}
LATENCY: Part = {"workloads": ("latency",), "aspect": "round_trip"}
IMAGE_SIZE: Part = {"workloads": ("image_size",), "aspect": "image_size"} | BOTH_SERVICES
PROVISIONING = IMAGE_SIZE | {"workloads": ("startup", "image_size")}
CAPACITY: Part = {"workloads": ("capacity",), "aspect": "capacity"} | BOTH_SERVICES
MEMORY: Part = {"workloads": ("memory",), "aspect": "memory"} | BOTH_SERVICES
FOOTPRINT: Part = {
    **MEMORY,
    **_dots("memory"),
    "titles": {"idle": "idle", "load": "under load"},
    "note": captions.WORKING_SET,
    "fixed_memory_titles": {"minimum": "minimum that suffices"},
    "fixed_memory_note": captions.MINIMUM,
}

LINES = _look(FigureKind.LINE_PLOT, "throughput [{unit}]", captions.LINE_PLOT)
COSTS = _look(FigureKind.LINE_PLOT, "CPU time per request [{unit}]", captions.LINE_PLOT) | {
    "aspect": "cpu_per_request",
    "note": captions.CPU_PER_REQUEST,
}
NATIVE, VIRTUALIZED = LINES | {"virtualized": False}, LINES | {"virtualized": True}
RATIOS = _look(FigureKind.RATIOS, "ratio to {baseline}", captions.RATIOS.format(levels=""))
RATIOS_AT_LEVELS = RATIOS | {"marks": captions.RATIOS.format(levels=captions.FROM_TOP)}
LATENCIES = _look(FigureKind.LATENCY_THROUGHPUT, "latency [ms]", captions.LATENCY_THROUGHPUT)
LATENCIES_AT_RATE = _look(FigureKind.LATENCY_AT_RATE, "latency [ms]", captions.LATENCY_AT_RATE) | {
    "aspect": "open_latency"
}
QUANTILES = _look(FigureKind.QUANTILES, "latency [ms]", captions.QUANTILES) | {
    "aspect": "open_latency"
}
THROUGHPUTS = _windows("throughput", captions.AT_LEVEL)
RUN_ORDER = _look(FigureKind.RUN_ORDER, "relative to the median", captions.RUN_ORDER)
TIME_TO_FIRST_PACKET = _look(
    FigureKind.TIME_TO_FIRST_PACKET, "image transfer and start [s]", captions.TIME_TO_FIRST_PACKET
)
LOG_SCALE = {"log_scale": True}


def _figures(*described: tuple[str, str, Part]) -> tuple[FigureSpec, ...]:
    return tuple(FigureSpec(name=name, title=title, **part) for name, title, part in described)


PAPER_FIGURES = _figures(
    ("fig3a_startup_time", "Startup time", STARTUP | _dots("time to first UDP packet") | LOG_SCALE),
    ("fig3b_image_size", "Image size", IMAGE_SIZE | _dots("allocated on disk") | LOG_SCALE),
    (
        "fig3c_network_latency",
        "Network latency",
        LATENCY | _dots("round-trip time") | {"note": captions.PINGED},
    ),
    ("fig4a_http_throughput_native", "HTTP throughput, native", HTTP | NATIVE),
    ("fig4b_http_throughput_virtualized", "HTTP throughput, virtualized", HTTP | VIRTUALIZED),
    (
        "fig5a_memory_http",
        "Memory footprint of the HTTP server",
        FOOTPRINT | {"services": ("http",)},
    ),
    (
        "fig5b_memory_kv",
        "Memory footprint of the key-value store",
        FOOTPRINT | {"services": ("kv",)},
    ),
    ("fig6a_kv_throughput_native", "Key-value throughput, native", KV_IN_PANELS | NATIVE),
    (
        "fig6b_kv_throughput_virtualized",
        "Key-value throughput, virtualized",
        KV_IN_PANELS | VIRTUALIZED,
    ),
)
FURTHER_FIGURES = _figures(
    ("fig7a_http_ratios", "HTTP throughput against the baseline", HTTP | RATIOS_AT_LEVELS),
    ("fig7b_kv_ratios", "Key-value throughput against the baseline", KV | RATIOS_AT_LEVELS),
    ("fig7c_startup_ratios", "Startup time against the baseline", STARTUP | RATIOS),
    ("fig7d_latency_ratios", "Network latency against the baseline", LATENCY | RATIOS),
    ("fig7e_memory_ratios", "Memory footprint against the baseline", MEMORY | RATIOS),
    ("fig8a_http_latency_against_throughput", "HTTP latency against throughput", HTTP | LATENCIES),
    ("fig8b_kv_latency_against_throughput", "Key-value latency against throughput", KV | LATENCIES),
    ("fig9a_http_distribution", "HTTP throughput, every window", HTTP | THROUGHPUTS),
    ("fig9b_kv_distribution", "Key-value throughput, every window", KV | THROUGHPUTS),
    ("fig9c_startup_distribution", "Startup time, every start", STARTUP | _windows("startup time")),
    (
        "fig9d_latency_distribution",
        "Network latency, every round trip",
        LATENCY | _windows("round-trip time"),
    ),
    ("fig10_run_order", "The order of the run", {"workloads": ()} | RUN_ORDER),
    (
        "fig11_provisioning",
        "Time to first packet against link bandwidth",
        PROVISIONING | TIME_TO_FIRST_PACKET,
    ),
    ("fig12a_http_cpu_per_request", "CPU time of an HTTP request", HTTP | COSTS),
    ("fig12b_kv_cpu_per_request", "CPU time of a key-value request", KV | COSTS),
    ("fig13a_http_latency_at_rate", "HTTP latency at a rate", HTTP | LATENCIES_AT_RATE),
    ("fig13b_kv_latency_at_rate", "Key-value latency at a rate", KV | LATENCIES_AT_RATE),
    (
        "fig14_capacity_ratios",
        "Capacity against the baseline",
        CAPACITY | RATIOS | {"amounts": True, "note": captions.CAPACITY},
    ),
    ("fig15a_http_latency_quantiles", "HTTP latencies at a rate by quantile", HTTP | QUANTILES),
    ("fig15b_kv_latency_quantiles", "Key-value latencies at a rate by quantile", KV | QUANTILES),
)


def emulated(spec: FigureSpec) -> FigureSpec:
    """Return the figure that shows the same of emulated platforms."""
    title = f"{spec.title}, emulated in software"
    return replace(spec, name=f"{spec.name}_emulated", title=title, emulated=True)


CATALOGUE = (
    *(*PAPER_FIGURES, *FURTHER_FIGURES),
    *map(emulated, (*PAPER_FIGURES, *FURTHER_FIGURES)),
)


def specs_for(plan: Plan) -> tuple[FigureSpec, ...]:
    """Return the figures for which `plan` has workloads, and platforms that can run here."""
    return tuple(spec.for_plan(plan) for spec in CATALOGUE if spec.platforms(plan))


def figures_for(plan: Plan) -> tuple[str, ...]:
    """Return the names of those figures; each is drawn in every one of FORMATS."""
    return tuple(spec.name for spec in specs_for(plan))
