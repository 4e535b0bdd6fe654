# SPDX-License-Identifier: Apache-2.0
"""What a metric is called in a sentence."""

from __future__ import annotations

LABELS = {
    "http_throughput": "HTTP throughput",
    "kv_get_throughput": "Redis GET throughput",
    "kv_set_throughput": "Redis SET throughput",
    "startup_time": "startup time",
    "round_trip_time": "network round-trip time",
}
SIZE, MEMORY, UNDER_LOAD, MINIMUM = "image_size_", "memory_", "_load", "_minimum"
MEMORY_LABELS = {
    UNDER_LOAD: "memory of {service} under load",
    MINIMUM: "minimum memory that suffices for {service}",
    "_idle": "memory of {service} at rest",
    "_hypervisor": "memory of the hypervisor, with the minimum for {service}",
    "_guest_used": "memory used in the guest, with the minimum for {service}",
    "_minimum_throughput": "throughput of {service} with the minimum memory",
    "_reference_throughput": "throughput of {service} with reference memory",
}
"""By the end of a metric of memory."""


def label(metric: str) -> str:
    """Spell a metric for people; its own name without underscores where nothing better is known."""
    if metric.startswith(SIZE):
        return f"image size of {metric.removeprefix(SIZE)}"
    if metric.startswith(MEMORY):
        service, _, figure = metric.removeprefix(MEMORY).partition("_")
        if f"_{figure}" in MEMORY_LABELS:
            return MEMORY_LABELS[f"_{figure}"].format(service=service)
    return LABELS.get(metric, metric.replace("_", " "))


def instead_of(metric: str) -> str:
    """Name the metric that platforms have instead: for memory that is fixed, or is not."""
    for one, other in ((UNDER_LOAD, MINIMUM), (MINIMUM, UNDER_LOAD)):
        if metric.startswith(MEMORY) and metric.endswith(one):
            return metric.removesuffix(one) + other
    return ""


def anchor(metric: str) -> str:
    """Name the place of the metric's ratios in the page."""
    return f"ratios-{metric}"


def pairs_anchor(metric: str) -> str:
    """Name the place of the comparisons of all pairs."""
    return f"pairs-{metric}"


def paper_anchor(metric: str) -> str:
    """Name the place of the comparison with the paper."""
    return f"paper-{metric}"


def summary_anchor(workload: str) -> str:
    """Name the place of the means of a workload."""
    return f"summary-{workload}"


def at_level(concurrency: int, *, sweeps: bool) -> str:
    """Name the level where there are several."""
    if not sweeps:
        return ""
    return f" at {concurrency:,} connection{'' if concurrency == 1 else 's'}"
