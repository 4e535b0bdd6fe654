# SPDX-License-Identifier: Apache-2.0
"""Which figures there are for what a plan measures: the paper's, numbered as there, and ours.

This module is read whenever the workflow starts, so it imports nothing that draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from featherbench.figures.further import FURTHER, STAND_IN, Further

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.records.plan import Plan, PlannedPlatform

E = TypeVar("E", "Entry", Further)

FORMATS = ("svg", "png")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure: its panels by metric, the axis with its unit, and whose platforms it shows.

    A figure that `sweeps` shows lines over concurrency, one that does not a mark a platform.
    `note` is what a reader must know of the metric, and `marks` what marks and bars mean, where it
    is not what they mean for a run of ours.
    `virtualized` restricts it to platforms that are, or are not; None shows both. `emulated` ones
    are never shown beside others.
    `allotted` are the panels of platforms with a fixed amount of memory, and `allotted_note` is
    what to know of these: `planned` puts them in.
    """

    name: str
    title: str
    workload: str
    panels: Mapping[str, str] = field(hash=False)
    axis: str
    sweeps: bool = False
    log_scale: bool = False
    virtualized: bool | None = None
    emulated: bool = False
    note: str = ""
    marks: str = ""
    allotted: Mapping[str, str] = field(default_factory=dict, hash=False)
    allotted_note: str = ""

    def shows(self, platform: PlannedPlatform) -> bool:
        """Whether a platform belongs into this figure."""
        of_this_kind = platform.emulated == self.emulated
        wanted = self.virtualized in {None, platform.virtualized}
        return platform.runs(self.workload) and of_this_kind and wanted

    def platforms(self, plan: Plan) -> tuple[PlannedPlatform, ...]:
        """Give the platforms of `plan` that it shows."""
        measured = any(workload.name == self.workload for workload in plan.workloads)
        return tuple(filter(self.shows, plan.platforms)) if measured else ()

    def planned(self, plan: Plan) -> Entry:
        """Give it with the panels, and the notes, that its platforms in `plan` need."""
        fixed = {platform.fixed_memory for platform in self.platforms(plan)}
        if not self.allotted or True not in fixed:
            return self
        if False not in fixed:
            return replace(self, panels=self.allotted, note=self.allotted_note)
        both = f"{self.note} {self.allotted_note} {NOT_THE_SAME}"
        return replace(self, panels={**self.panels, **self.allotted}, note=both)

    @property
    def caption(self) -> str:
        """What its marks and bars mean, in words, and what to know of metric and platforms."""
        usual = SWEEP_CAPTION if self.sweeps else POINTS_CAPTION
        stand_in = STAND_IN if self.emulated else ""
        return " ".join(filter(None, (self.marks or usual, self.note, stand_in)))


SUSPECT = "Hollow: at least one window is suspect. Invalid windows enter no mean; "
SWEEP_CAPTION = (
    "Mean of the valid windows; error bars: ± SD of the windows (as in the paper); "
    "shading: 95 % interval of the mean over deployments. "
    + SUSPECT
    + "their number is in the legend, a cross on the axis shows where."
)
POINTS_CAPTION = (
    "Mean of the valid windows, with its value; thin bar: ± SD of the windows (as in the paper); "
    "thick bar: 95 % interval of the mean over deployments; dots: single windows. "
    + SUSPECT
    + "their number is beside the value."
)

PINGED = (
    "Pinged is the network stack that the server uses: for linux and network host this machine's, "
    "for nat the container's own address, by route, not through the translation."
)

WORKING_SET = (
    "Memory is the working set: all but the page cache that the kernel would drop first. What is "
    "left of that cache is charged to whoever touched a page first, be it another than this "
    "server; the tables give the anonymous part, which is the server's own, beside it."
)

LEAST = (
    "Least that suffices: a machine is given an amount of memory once and for all; this is the "
    "least one, on a grid, with which it is as fast as with ample memory."
)
NOT_THE_SAME = (
    "What is held and what suffices are not the same quantity; the paper's Figure 5 sets them side "
    "by side as well."
)

GET_AND_SET = {"kv_get_throughput": "GET", "kv_set_throughput": "SET"}
HTTP = {"http_throughput": ""}

ENTRIES = (
    Entry(
        name="fig3a_startup_time",
        title="Startup time",
        workload="startup",
        panels={"startup_time": ""},
        axis="time to first UDP packet [s]",
        log_scale=True,
    ),
    Entry(
        name="fig3b_image_size",
        title="Image size",
        workload="image_size",
        panels={"image_size_http": "http", "image_size_kv": "key-value"},
        axis="allocated on disk [MiB]",
        log_scale=True,
    ),
    Entry(
        name="fig3c_network_latency",
        title="Network latency",
        workload="latency",
        panels={"round_trip_time": ""},
        axis="round-trip time [ms]",
        note=PINGED,
    ),
    Entry(
        name="fig4a_http_throughput_native",
        title="HTTP throughput, native",
        workload="http",
        panels=HTTP,
        axis="throughput [requests/s]",
        sweeps=True,
        virtualized=False,
    ),
    Entry(
        name="fig4b_http_throughput_virtualized",
        title="HTTP throughput, virtualized",
        workload="http",
        panels=HTTP,
        axis="throughput [requests/s]",
        sweeps=True,
        virtualized=True,
    ),
    Entry(
        name="fig5a_memory_http",
        title="Memory footprint of the HTTP server",
        workload="memory",
        panels={"memory_http_idle": "idle", "memory_http_load": "under load"},
        axis="memory [MiB]",
        note=WORKING_SET,
        allotted={"memory_http_minimum": "least that suffices"},
        allotted_note=LEAST,
    ),
    Entry(
        name="fig5b_memory_kv",
        title="Memory footprint of the key-value store",
        workload="memory",
        panels={"memory_kv_idle": "idle", "memory_kv_load": "under load"},
        axis="memory [MiB]",
        note=WORKING_SET,
        allotted={"memory_kv_minimum": "least that suffices"},
        allotted_note=LEAST,
    ),
    Entry(
        name="fig6a_kv_throughput_native",
        title="Key-value throughput, native",
        workload="kv",
        panels=GET_AND_SET,
        axis="throughput [requests/s]",
        sweeps=True,
        virtualized=False,
    ),
    Entry(
        name="fig6b_kv_throughput_virtualized",
        title="Key-value throughput, virtualized",
        workload="kv",
        panels=GET_AND_SET,
        axis="throughput [requests/s]",
        sweeps=True,
        virtualized=True,
    ),
)


def emulated(entry: E) -> E:
    """Give the figure that shows the same of platforms that are emulated in software."""
    return replace(
        entry,
        name=f"{entry.name}_emulated",
        title=f"{entry.title}, emulated in software",
        emulated=True,
    )


CATALOGUE: tuple[Entry | Further, ...] = (
    *ENTRIES,
    *FURTHER,
    *map(emulated, ENTRIES),
    *map(emulated, FURTHER),
)


def entries_for(plan: Plan) -> tuple[Entry | Further, ...]:
    """Give the figures for which `plan` has the workloads, and platforms that this host can run."""
    shown = (entry for entry in CATALOGUE if entry.platforms(plan))
    return tuple(entry.planned(plan) if isinstance(entry, Entry) else entry for entry in shown)


def figures_for(plan: Plan) -> tuple[str, ...]:
    """Give the names of those figures; each is drawn in every one of FORMATS."""
    return tuple(entry.name for entry in entries_for(plan))
