# SPDX-License-Identifier: Apache-2.0
"""Which figures there are beside the paper's: numbered on from them.

This module is read whenever the workflow starts, so it imports nothing that draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload

INVARIABLE = {"image_size"}
"""Workloads whose figures do not vary: they have neither distribution nor drift."""
MEMORY = "memory"
"""The workload that gives another metric for platforms with a fixed amount of it."""
WITHOUT_LATENCY = {"weighttp"}
"""Load generators that do not tell latencies."""
STAND_IN = (
    "Emulated in software: these stand in for machines that this host does not have, and are no "
    "measure of virtualization."
)


class Kind(StrEnum):
    """What a figure shows, and which module of this package draws it."""

    RATIOS = "ratios"
    TRADEOFF = "tradeoff"
    DISTRIBUTION = "distribution"
    COURSE = "course"
    PROVISIONING = "provisioning"


@dataclass(frozen=True, kw_only=True)
class Further:
    """One figure. It needs every one of `workloads`, or some that varies where it names none.

    `panels` titles the metrics; a figure of all metrics titles those that it knows. `emulated`
    platforms are never shown beside others; their ratios are to the baseline all the same.
    """

    name: str
    title: str
    kind: Kind
    workloads: tuple[str, ...]
    panels: Mapping[str, str] = field(hash=False)
    axis: str
    marks: str
    emulated: bool = False

    @property
    def caption(self) -> str:
        """What its marks and bars mean, in words, and what to know of its platforms."""
        return f"{self.marks} {STAND_IN}" if self.emulated else self.marks

    def platforms(self, plan: Plan) -> tuple[PlannedPlatform, ...]:
        """Give the platforms of `plan` that it shows; none where the plan has no data for it."""
        measured = {workload.name: workload for workload in plan.workloads}
        needed = self.workloads or tuple(set(measured) - INVARIABLE)[:1]
        if not needed or not measured.keys() >= set(needed):
            return ()
        shown = tuple(filter(self._shows, plan.platforms))
        return shown if shown and self._can_show(plan, shown, measured[needed[0]]) else ()

    def _shows(self, platform: PlannedPlatform) -> bool:
        return platform.available and platform.emulated == self.emulated

    def _can_show(
        self, plan: Plan, shown: tuple[PlannedPlatform, ...], workload: PlannedWorkload
    ) -> bool:
        match self.kind:
            case Kind.RATIOS:
                return any(self._has_ratio(plan, platform) for platform in shown)
            case Kind.TRADEOFF:
                given = plan.config.get("workloads", {}).get(workload.name) or {}
                return given.get("load_generator") not in WITHOUT_LATENCY
            case Kind.DISTRIBUTION:
                return workload.deployments * workload.windows > 1
            case Kind.PROVISIONING:
                return len(shown) > 1
            case Kind.COURSE:
                return True

    def _has_ratio(self, plan: Plan, platform: PlannedPlatform) -> bool:
        """Whether the baseline is another one, can run, and is measured in the same way."""
        return any(
            base.name == plan.baseline
            and base is not platform
            and base.available
            and (self.emulated or not base.emulated)
            and (base.fixed_memory == platform.fixed_memory or MEMORY not in self.workloads)
            for base in plan.platforms
        )


HTTP = {"http_throughput": "HTTP"}
KV = {"kv_get_throughput": "Redis GET", "kv_set_throughput": "Redis SET"}
OTHERS = {
    "startup_time": "startup time",
    "round_trip_time": "round-trip time",
    "memory_http_load": "memory, http under load",
    "memory_kv_load": "memory, key-value under load",
    "memory_http_minimum": "memory, least that suffices for http",
    "memory_kv_minimum": "memory, least that suffices for key-value",
}

RATIO_AXIS = "ratio to {baseline}"
RATIOS_CAPTION = (
    "Each platform over the baseline: geometric mean of the ratios, with its 95 % interval over "
    "deployments; the line at 1 is the baseline. Pale: the p-value, adjusted for the number of "
    "comparisons, is 5 % or more. {levels}Numbers: results/tables/ratios.csv."
)
FROM_TOP = "Of each platform, from top to bottom, more and more connections. "
TRADEOFF_CAPTION = (
    "Means over the valid windows, of throughput and of the load generator's latency percentiles; "
    "bars: 95 % intervals over deployments. Along each line connections grow, from the small mark "
    "to the large one, through the levels of the figures of throughput. Hollow: at least one "
    "window is suspect."
)
DISTRIBUTION_CAPTION = (
    "All valid windows as dots, relative to the median of their platform{levels}; each deployment "
    "on a line of its own, the first one at the top; tick: the deployment's mean. Hollow: suspect."
)
AT_LEVEL = " at their number of connections, all numbers together"
COURSE_CAPTION = (
    "All valid windows in the order in which their cells were measured, relative to the median of "
    "their platform and level, so that only time is left; hollow: suspect. Line: mean of each "
    "block, that is of all platforms and levels of one deployment number; shading: its 95 % "
    "interval over these cells, if there are four. A slope is drift, a step a change of machine."
)
PROVISIONING_CAPTION = (
    "Mean start to the first packet (startup), plus the compressed image of the server over the "
    "link's bandwidth: nothing is cached, and unpacking is not counted; shading: 95 % interval of "
    "the start over deployments. Ring: from this bandwidth on another platform is the first, of "
    "those that isolate the service. All crossings: results/tables/provisioning.csv."
)

FURTHER = (
    Further(
        name="fig7a_http_ratios",
        title="HTTP throughput against the baseline",
        kind=Kind.RATIOS,
        workloads=("http",),
        panels=HTTP,
        axis=RATIO_AXIS,
        marks=RATIOS_CAPTION.format(levels=FROM_TOP),
    ),
    Further(
        name="fig7b_kv_ratios",
        title="Key-value throughput against the baseline",
        kind=Kind.RATIOS,
        workloads=("kv",),
        panels=KV,
        axis=RATIO_AXIS,
        marks=RATIOS_CAPTION.format(levels=FROM_TOP),
    ),
    *(
        Further(
            name=f"fig7{letter}_{workload}_ratios",
            title=f"{title} against the baseline",
            kind=Kind.RATIOS,
            workloads=(workload,),
            panels={metric: OTHERS[metric] for metric in metrics},
            axis=RATIO_AXIS,
            marks=RATIOS_CAPTION.format(levels=""),
        )
        for letter, workload, title, metrics in (
            ("c", "startup", "Startup time", ["startup_time"]),
            ("d", "latency", "Network latency", ["round_trip_time"]),
            ("e", MEMORY, "Memory footprint", [name for name in OTHERS if MEMORY in name]),
        )
    ),
    Further(
        name="fig8a_http_latency_against_throughput",
        title="HTTP latency against throughput",
        kind=Kind.TRADEOFF,
        workloads=("http",),
        panels=HTTP,
        axis="latency [ms]",
        marks=TRADEOFF_CAPTION,
    ),
    Further(
        name="fig8b_kv_latency_against_throughput",
        title="Key-value latency against throughput",
        kind=Kind.TRADEOFF,
        workloads=("kv",),
        panels=KV,
        axis="latency [ms]",
        marks=TRADEOFF_CAPTION,
    ),
    Further(
        name="fig9a_http_distribution",
        title="HTTP throughput, every window",
        kind=Kind.DISTRIBUTION,
        workloads=("http",),
        panels=HTTP,
        axis="throughput, relative to the median",
        marks=DISTRIBUTION_CAPTION.format(levels=AT_LEVEL),
    ),
    Further(
        name="fig9b_kv_distribution",
        title="Key-value throughput, every window",
        kind=Kind.DISTRIBUTION,
        workloads=("kv",),
        panels=KV,
        axis="throughput, relative to the median",
        marks=DISTRIBUTION_CAPTION.format(levels=AT_LEVEL),
    ),
    Further(
        name="fig9c_startup_distribution",
        title="Startup time, every start",
        kind=Kind.DISTRIBUTION,
        workloads=("startup",),
        panels={"startup_time": ""},
        axis="startup time, relative to the median",
        marks=DISTRIBUTION_CAPTION.format(levels=""),
    ),
    Further(
        name="fig9d_latency_distribution",
        title="Network latency, every round trip",
        kind=Kind.DISTRIBUTION,
        workloads=("latency",),
        panels={"round_trip_time": ""},
        axis="round-trip time, relative to the median",
        marks=DISTRIBUTION_CAPTION.format(levels=""),
    ),
    Further(
        name="fig10_course",
        title="The course of the run",
        kind=Kind.COURSE,
        workloads=(),
        panels=HTTP | KV | OTHERS,
        axis="relative to the median",
        marks=COURSE_CAPTION,
    ),
    Further(
        name="fig11_provisioning",
        title="Time to first packet against link bandwidth",
        kind=Kind.PROVISIONING,
        workloads=("startup", "image_size"),
        panels={"http": "http", "kv": "key-value"},
        axis="image transfer and start [s]",
        marks=PROVISIONING_CAPTION,
    ),
)
