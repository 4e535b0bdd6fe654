# SPDX-License-Identifier: Apache-2.0
"""The catalogue of figures: the paper's, with its numbers, and further ones, numbered on.

This module is read whenever the workflow starts, so it imports nothing that draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from featherbench.figures import captions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.records.metric import Metric
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
    platforms have figures of their own; only the baseline of their ratios is not emulated. `marks`
    says what marks and bars mean, and `note` what a reader must know of the metrics.
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
        shown = [metric for metric in plan.metrics if self._has_metric(metric)]
        if titles:
            by_key = {metric.operation or metric.statistic: metric.name for metric in shown}
            return {by_key[key]: title for key, title in titles.items() if key in by_key}
        statistics = list(dict.fromkeys(metric.statistic for metric in shown))
        shown.sort(key=lambda metric: statistics.index(metric.statistic))
        return {metric.name: metric.panel for metric in shown if metric.panel}

    def _has_metric(self, metric: Metric) -> bool:
        of_service = not self.services or metric.service in self.services
        return of_service and self.aspect in {"", metric.aspect}

    def _shows(self, platform: PlannedPlatform) -> bool:
        has_it = self.kind not in PER_WORKLOAD or all(map(platform.runs, self.workloads))
        same_stratum = platform.available and platform.emulated == self.emulated
        return has_it and same_stratum and self.virtualized in {None, platform.virtualized}

    def _has_data(
        self, plan: Plan, shown: tuple[PlannedPlatform, ...], workload: PlannedWorkload
    ) -> bool:
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


THROUGHPUT = "throughput [{unit}]"
RATIO = "ratio to {baseline}"
BY_OPERATION = {"GET": "GET", "SET": "SET"}
MEMORY_TITLES = {"idle": "idle", "load": "under load"}
MINIMUM_TITLES = {"minimum": "minimum that suffices"}


def _throughput(name: str, title: str, service: str, *, virtualized: bool) -> FigureSpec:
    return FigureSpec(
        name=name,
        title=title,
        kind=FigureKind.LINE_PLOT,
        workloads=(service,),
        aspect="throughput",
        services=(service,),
        titles=BY_OPERATION if service == "kv" else {},
        axis=THROUGHPUT,
        marks=captions.LINE_PLOT,
        virtualized=virtualized,
    )


def _memory(name: str, title: str, service: str) -> FigureSpec:
    return FigureSpec(
        name=name,
        title=title,
        kind=FigureKind.DOT_PLOT,
        workloads=("memory",),
        aspect="memory",
        services=(service,),
        titles=MEMORY_TITLES,
        axis="memory [{unit}]",
        marks=captions.DOT_PLOT,
        note=captions.WORKING_SET,
        fixed_memory_titles=MINIMUM_TITLES,
        fixed_memory_note=captions.MINIMUM,
    )


PAPER_FIGURES = (
    FigureSpec(
        name="fig3a_startup_time",
        title="Startup time",
        kind=FigureKind.DOT_PLOT,
        workloads=("startup",),
        aspect="startup",
        axis="time to first UDP packet [{unit}]",
        marks=captions.DOT_PLOT,
        log_scale=True,
    ),
    FigureSpec(
        name="fig3b_image_size",
        title="Image size",
        kind=FigureKind.DOT_PLOT,
        workloads=("image_size",),
        aspect="image_size",
        services=("http", "kv"),
        axis="allocated on disk [{unit}]",
        marks=captions.DOT_PLOT,
        log_scale=True,
    ),
    FigureSpec(
        name="fig3c_network_latency",
        title="Network latency",
        kind=FigureKind.DOT_PLOT,
        workloads=("latency",),
        aspect="round_trip",
        axis="round-trip time [{unit}]",
        marks=captions.DOT_PLOT,
        note=captions.PINGED,
    ),
    _throughput(
        "fig4a_http_throughput_native", "HTTP throughput, native", "http", virtualized=False
    ),
    _throughput(
        "fig4b_http_throughput_virtualized",
        "HTTP throughput, virtualized",
        "http",
        virtualized=True,
    ),
    _memory("fig5a_memory_http", "Memory footprint of the HTTP server", "http"),
    _memory("fig5b_memory_kv", "Memory footprint of the key-value store", "kv"),
    _throughput(
        "fig6a_kv_throughput_native", "Key-value throughput, native", "kv", virtualized=False
    ),
    _throughput(
        "fig6b_kv_throughput_virtualized",
        "Key-value throughput, virtualized",
        "kv",
        virtualized=True,
    ),
)


def _of_metrics(
    kind: FigureKind, axis: str, marks: str, *rows: tuple[str, ...]
) -> list[FigureSpec]:
    """Return figures of one kind; `rows` are name, title, workload, aspect and services of each."""
    return [
        FigureSpec(
            name=name,
            title=title,
            kind=kind,
            workloads=(workload,),
            aspect=aspect,
            services=tuple(services),
            axis=axis,
            marks=marks,
        )
        for name, title, workload, aspect, *services in rows
    ]


FURTHER_FIGURES = (
    *_of_metrics(
        FigureKind.RATIOS,
        RATIO,
        captions.RATIOS.format(levels=captions.FROM_TOP),
        ("fig7a_http_ratios", "HTTP throughput against the baseline", "http", "throughput", "http"),
        ("fig7b_kv_ratios", "Key-value throughput against the baseline", "kv", "throughput", "kv"),
    ),
    *_of_metrics(
        FigureKind.RATIOS,
        RATIO,
        captions.RATIOS.format(levels=""),
        ("fig7c_startup_ratios", "Startup time against the baseline", "startup", "startup"),
        ("fig7d_latency_ratios", "Network latency against the baseline", "latency", "round_trip"),
        (
            "fig7e_memory_ratios",
            "Memory footprint against the baseline",
            "memory",
            "memory",
            "http",
            "kv",
        ),
    ),
    *_of_metrics(
        FigureKind.LATENCY_THROUGHPUT,
        "latency [ms]",
        captions.LATENCY_THROUGHPUT,
        (
            "fig8a_http_latency_against_throughput",
            "HTTP latency against throughput",
            "http",
            "throughput",
            "http",
        ),
        (
            "fig8b_kv_latency_against_throughput",
            "Key-value latency against throughput",
            "kv",
            "throughput",
            "kv",
        ),
    ),
    *_of_metrics(
        FigureKind.DISTRIBUTION,
        "throughput, relative to the median",
        captions.DISTRIBUTION.format(levels=captions.AT_LEVEL),
        ("fig9a_http_distribution", "HTTP throughput, every window", "http", "throughput", "http"),
        ("fig9b_kv_distribution", "Key-value throughput, every window", "kv", "throughput", "kv"),
    ),
    *_of_metrics(
        FigureKind.DISTRIBUTION,
        "startup time, relative to the median",
        captions.DISTRIBUTION.format(levels=""),
        ("fig9c_startup_distribution", "Startup time, every start", "startup", "startup"),
    ),
    *_of_metrics(
        FigureKind.DISTRIBUTION,
        "round-trip time, relative to the median",
        captions.DISTRIBUTION.format(levels=""),
        (
            "fig9d_latency_distribution",
            "Network latency, every round trip",
            "latency",
            "round_trip",
        ),
    ),
    FigureSpec(
        name="fig10_run_order",
        title="The order of the run",
        kind=FigureKind.RUN_ORDER,
        workloads=(),
        axis="relative to the median",
        marks=captions.RUN_ORDER,
    ),
    FigureSpec(
        name="fig11_provisioning",
        title="Time to first packet against link bandwidth",
        kind=FigureKind.TIME_TO_FIRST_PACKET,
        workloads=("startup", "image_size"),
        aspect="image_size",
        services=("http", "kv"),
        axis="image transfer and start [s]",
        marks=captions.TIME_TO_FIRST_PACKET,
    ),
)


def emulated(spec: FigureSpec) -> FigureSpec:
    """Return the figure that shows the same of emulated platforms."""
    return replace(
        spec,
        name=f"{spec.name}_emulated",
        title=f"{spec.title}, emulated in software",
        emulated=True,
    )


CATALOGUE = (
    *PAPER_FIGURES,
    *FURTHER_FIGURES,
    *map(emulated, PAPER_FIGURES),
    *map(emulated, FURTHER_FIGURES),
)


def specs_for(plan: Plan) -> tuple[FigureSpec, ...]:
    """Return the figures for which `plan` has workloads, and platforms that can run here."""
    return tuple(spec.for_plan(plan) for spec in CATALOGUE if spec.platforms(plan))


def figures_for(plan: Plan) -> tuple[str, ...]:
    """Return the names of those figures; each is drawn in every one of FORMATS."""
    return tuple(spec.name for spec in specs_for(plan))
