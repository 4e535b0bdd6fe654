# SPDX-License-Identifier: Apache-2.0
"""Maps our platforms, metrics and workloads to the paper's, and lists the settings that must match.

A platform, metric or workload that is not listed here, or has other settings, is not the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featherbench.records.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from featherbench.records.plan import Plan, PlannedPlatform

PLATFORMS = {
    "linux-native": "native execution",
    "docker-native": "Docker",
    "lxd-native": "LXD",
    "linux-kvm": "KVM",
    "docker-kvm": "Docker in KVM",
    "lxd-kvm": "LXD in KVM",
    "rumprun-kvm": "Rumprun on KVM",
    "osv-kvm": "OSv on KVM",
    "linux-xen": "Xen",
    "rumprun-xen": "Rumprun on Xen",
    "mirageos-xen": "MirageOS on Xen",
}
"""The paper's names by ours, which the published data also use."""
NETWORKS = {"docker": "nat", "lxd": "nat"}
"""The network path to the paper's containers: it suspects address translation as a cause."""
METRICS = {
    "http_throughput": "http_throughput",
    "kv_get_throughput": "kv_get_throughput",
    "kv_set_throughput": "kv_set_throughput",
    "startup_time": "startup_time",
    "image_size_http": "image_size",
    "image_size_kv": "image_size",
    "round_trip_time": "round_trip_time",
    "memory_http_load": "memory_http_load",
    "memory_http_minimum": "memory_http_load",
    "memory_kv_load": "memory_kv_load",
    "memory_kv_minimum": "memory_kv_load",
}
"""The names in the published data by ours.

The paper has one image of each platform. Its figure of memory shows memory in use of containers and
minimum memory of guests; here these are two metrics, and no pair of platforms has both.
"""
MINIMUM_MEMORY = {
    "memory_http_minimum": "memory_http_load",
    "memory_kv_minimum": "memory_kv_load",
}
"""The metrics of minimum memory, and those of memory in use."""
WORKLOAD_OF = {
    metric: workload
    for workload, metrics in {
        "http": ("http_throughput",),
        "kv": ("kv_get_throughput", "kv_set_throughput"),
        "startup": ("startup_time",),
        "image_size": ("image_size_http", "image_size_kv"),
        "latency": ("round_trip_time",),
        "memory": (
            "memory_http_load",
            "memory_http_minimum",
            "memory_kv_load",
            "memory_kv_minimum",
        ),
    }.items()
    for metric in metrics
}
TABLE_3 = Tuning()
"""Our defaults are the paper's values."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A setting that must match the paper's; `key` is the path in the settings, with dots.

    `papers` is the paper's value in words. A setting that is not present counts as matching.
    """

    of: str
    key: str
    matches: Callable[[Any], bool]
    papers: str

    def difference(self, settings: Mapping[str, Any]) -> str:
        """Return how the settings differ; nothing if they match."""
        value: Any = settings
        for part in self.key.split("."):
            if not isinstance(value, dict) or part not in value:
                return ""
            value = value[part]
        if self.matches(value):
            return ""
        shown = "differs" if isinstance(value, dict) else f"is {value}"
        return f"`{self.key}` {shown}, and the paper had {self.papers}"


WORKLOADS = (
    Condition(
        of="http",
        key="file_bytes",
        matches=lambda size: size == 1150,  # noqa: PLR2004 - the default says the same
        papers="a favicon, for which 1150 stands",
    ),
    Condition(
        of="kv",
        key="pipeline",
        matches=lambda depth: depth > 1,
        papers="pipelining of a depth that it does not report",
    ),
    Condition(
        of="kv",
        key="value_bytes",
        matches=lambda size: size == 3,  # noqa: PLR2004 - redis-benchmark's own
        papers="the default of redis-benchmark, which is 3",
    ),
)
"""Settings by workload."""
TUNING = (
    Condition(
        of="tuning",
        key="net_sysctls",
        matches=lambda sysctls: sysctls == TABLE_3.net_sysctls,
        papers="its Table 3",
    ),
    Condition(
        of="tuning",
        key="nofile",
        matches=lambda limit: limit == TABLE_3.nofile,
        papers=str(TABLE_3.nofile),
    ),
)
"""Without `fs.file-max`: it is a limit of the whole machine that our runs never reach."""
TUNED = ("http", "kv")
"""Workloads with many connections, for which the tuning matters."""
TECHNOLOGIES = (
    Condition(of="docker", key="runtime", matches=lambda name: name == "runc", papers="runc"),
    Condition(
        of="docker", key="seccomp", matches=lambda name: name == "default", papers="the default"
    ),
    *(
        Condition(of=name, key="memory_mib", matches=lambda mib: mib is None, papers="no limit")
        for name in ("docker", "lxd")
    ),
    *(
        Condition(
            of=name,
            key="guest.init",
            matches=lambda name: name == "systemd",
            papers="a complete Ubuntu",
        )
        for name in ("linux", "docker", "lxd")
    ),
)
"""Settings of a platform, by technology."""


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
    yield from _differences(TECHNOLOGIES, platform.technology, settings)


def workload_differences(plan: Plan, workload: str) -> Iterator[str]:
    """Yield the settings, and the tuning, in which a workload differs from the paper's."""
    for planned in plan.workloads:
        if planned.name == workload:
            yield from _differences(WORKLOADS, workload, planned.settings)
    if workload in TUNED:
        yield from _differences(TUNING, "tuning", plan.config.get("tuning", {}))


def _differences(
    conditions: Iterable[Condition], of: str, settings: Mapping[str, Any]
) -> Iterator[str]:
    differences = (one.difference(settings) for one in conditions if one.of == of)
    yield from filter(None, differences)
