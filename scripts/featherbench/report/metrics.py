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
SIZE, MEMORY, UNDER_LOAD = "image_size_", "memory_", "_load"


def label(metric: str) -> str:
    """Spell a metric for people; its own name without underscores where nothing better is known."""
    if metric.startswith(SIZE):
        return f"image size of {metric.removeprefix(SIZE)}"
    if metric.startswith(MEMORY) and metric.endswith(UNDER_LOAD):
        return f"memory of {metric.removeprefix(MEMORY).removesuffix(UNDER_LOAD)} under load"
    return LABELS.get(metric, metric.replace("_", " "))


def at_level(concurrency: int, *, sweeps: bool) -> str:
    """Name the level where there are several."""
    if not sweeps:
        return ""
    return f" at {concurrency:,} connection{'' if concurrency == 1 else 's'}"
