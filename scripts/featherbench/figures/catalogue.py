# SPDX-License-Identifier: Apache-2.0
"""Which figures there are: the paper's, numbered as there, for what a plan measures.

This module is read whenever the workflow starts, so it imports nothing that draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.plan import Plan, PlannedPlatform

FORMATS = ("svg", "png")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure: its panels by metric, the axis with its unit, and whose platforms it shows.

    A figure that `sweeps` shows lines over concurrency, one that does not a mark a platform.
    `note` is what a reader must know of the metric.
    `virtualized` restricts it to platforms that are, or are not; None shows both.
    """

    name: str
    title: str
    workload: str
    panels: Mapping[str, str] = field(hash=False)
    axis: str
    sweeps: bool = False
    log_scale: bool = False
    virtualized: bool | None = None
    note: str = ""

    def shows(self, platform: PlannedPlatform) -> bool:
        """Whether a platform belongs into this figure."""
        return platform.available and self.virtualized in {None, platform.virtualized}

    def platforms(self, plan: Plan) -> tuple[PlannedPlatform, ...]:
        """Give the platforms of `plan` that it shows."""
        measured = any(workload.name == self.workload for workload in plan.workloads)
        return tuple(filter(self.shows, plan.platforms)) if measured else ()

    @property
    def caption(self) -> str:
        """What its marks and bars mean, in words, and what to know of the metric."""
        return f"{SWEEP_CAPTION if self.sweeps else POINTS_CAPTION} {self.note}".rstrip()


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
    ),
    Entry(
        name="fig5b_memory_kv",
        title="Memory footprint of the key-value store",
        workload="memory",
        panels={"memory_kv_idle": "idle", "memory_kv_load": "under load"},
        axis="memory [MiB]",
        note=WORKING_SET,
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


def entries_for(plan: Plan) -> tuple[Entry, ...]:
    """Give the figures for which `plan` has a workload, and a platform that this host can run."""
    return tuple(entry for entry in ENTRIES if entry.platforms(plan))


def figures_for(plan: Plan) -> tuple[str, ...]:
    """Give the names of those figures; each is drawn in every one of FORMATS."""
    return tuple(entry.name for entry in entries_for(plan))
