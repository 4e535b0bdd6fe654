# SPDX-License-Identifier: Apache-2.0
"""Maps our platforms, metrics and workloads to the paper's, and lists the settings that must match.

A platform, metric or workload that is not listed here, or has other settings, is not the paper's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.plauth2017.data.experiment import EXPERIMENT, PLATFORMS, Condition
from featherbench.records.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.records.plan import Plan, PlannedPlatform

NETWORKS = {"docker": "nat", "lxd": "nat"}
"""The network path to the paper's containers: it suspects address translation as a cause."""
METRICS = {ours: one.metric.name for one in EXPERIMENT.metrics for ours in one.ours}
"""The names in the published data by ours."""
WORKLOAD_OF = {ours: one.workload for one in EXPERIMENT.metrics for ours in one.ours}
MINIMUM_MEMORY = {name: papers for name, papers in METRICS.items() if name.endswith("_minimum")}
"""The metrics of minimum memory, and those of memory in use."""
TABLE_3 = Tuning()
"""Our defaults are the paper's values."""
TUNING = tuple(
    Condition(of="tuning", key=key, accepted=(value,), papers=papers)
    for key, value, papers in (
        ("net_sysctls", TABLE_3.net_sysctls, "its Table 3"),
        ("nofile", TABLE_3.nofile, str(TABLE_3.nofile)),
    )
)
"""Without `fs.file-max`: it is a limit of the whole machine that our runs never reach."""
TUNED = ("http", "kv")
"""Workloads with many connections, for which the tuning matters."""


def papers_name(platform: PlannedPlatform) -> str:
    """Return the name of a platform in the published data; nothing if it is not the paper's."""
    name = f"{platform.technology}-{platform.hypervisor}"
    same_path = platform.network == NETWORKS.get(platform.technology, platform.network)
    return name if name in PLATFORMS and same_path and not platform.emulated else ""


def platform_differences(plan: Plan, platform: PlannedPlatform) -> Iterator[str]:
    """Yield the settings in which a platform differs from the paper's."""
    name = platform.name.partition("+")[0]
    configured: list[dict[str, Any]] = plan.config.get("platforms", [])
    settings: dict[str, Any] = next(
        (one.get("settings", {}) for one in configured if one["name"] == name), {}
    )
    yield from _differences(platform.technology, settings)


def workload_differences(plan: Plan, workload: str) -> Iterator[str]:
    """Yield the settings, and the tuning, in which a workload differs from the paper's."""
    for planned in plan.workloads:
        if planned.name == workload:
            yield from _differences(workload, planned.settings)
    if workload in TUNED:
        yield from _differences("tuning", plan.config.get("tuning", {}))


def _differences(of: str, settings: Mapping[str, Any]) -> Iterator[str]:
    conditions = (one for one in (*EXPERIMENT.conditions, *TUNING) if one.of == of)
    yield from filter(None, (one.difference(settings) for one in conditions))
