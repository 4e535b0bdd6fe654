# SPDX-License-Identifier: Apache-2.0
"""What of a run of ours is what of the paper: the names, in one place, and what must be alike.

A platform, metric or workload that is not here, or is set up otherwise, is not the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featherbench.records.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
"""What is `linux-kvm` here, is what the paper calls KVM: in the published data under our name."""
NETWORKS = {"docker": "nat", "lxd": "nat"}
"""How the paper's containers were reached, as far as it tells: it suspects the translation."""
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
"""What is measured here, and what the published data call it.

The paper has one image a platform, and puts what containers hold and what suffices guests into one
figure of memory; here they are two, and no pair has both.
"""
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
"""The defaults of ours are the paper's."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What must be as the paper had it. `key` has dots between a mapping's name and what is in it.

    `papers` says what the paper had, in words; a setting that is not told is taken for alike.
    """

    of: str
    key: str
    alike: Callable[[Any], bool]
    papers: str

    def broken_by(self, settings: Mapping[str, Any]) -> str:
        """Say what is otherwise; nothing if it is alike."""
        found: Any = settings
        for part in self.key.split("."):
            if not isinstance(found, dict) or part not in found:
                return ""
            found = found[part]
        if self.alike(found):
            return ""
        shown = "is set otherwise" if isinstance(found, dict) else f"is {found}"
        return f"`{self.key}` {shown}, and the paper had {self.papers}"


WORKLOADS = (
    Condition(
        of="http",
        key="file_bytes",
        alike=lambda size: size == 1150,  # noqa: PLR2004 - the default says the same
        papers="a favicon's, for which 1150 stands",
    ),
    Condition(
        of="kv",
        key="pipeline",
        alike=lambda depth: depth > 1,
        papers="pipelining, of a depth that it does not tell",
    ),
    Condition(
        of="kv",
        key="value_bytes",
        alike=lambda size: size == 3,  # noqa: PLR2004 - redis-benchmark's own
        papers="redis-benchmark's own, which is 3",
    ),
)
"""By workload."""
TUNING = (
    Condition(
        of="tuning",
        key="net_sysctls",
        alike=lambda sysctls: sysctls == TABLE_3.net_sysctls,
        papers="its Table 3",
    ),
    Condition(
        of="tuning",
        key="nofile",
        alike=lambda limit: limit == TABLE_3.nofile,
        papers=str(TABLE_3.nofile),
    ),
)
"""`fs.file-max` is left out: it is a limit of the whole host, which no run of ours comes near."""
TUNED = ("http", "kv")
"""What many connections load, so that the tuning matters."""
TECHNOLOGIES = (
    Condition(of="docker", key="runtime", alike=lambda name: name == "runc", papers="runc"),
    Condition(
        of="docker", key="seccomp", alike=lambda name: name == "default", papers="the default"
    ),
    *(
        Condition(of=name, key="memory_mib", alike=lambda mib: mib is None, papers="no limit")
        for name in ("docker", "lxd")
    ),
    *(
        Condition(
            of=name,
            key="guest.init",
            alike=lambda name: name == "systemd",
            papers="a whole Ubuntu",
        )
        for name in ("linux", "docker", "lxd")
    ),
)
"""By technology: settings of a platform."""


def papers_name(platform: PlannedPlatform) -> str:
    """Give the published data's name of what a platform of ours is; nothing if it is none."""
    name = f"{platform.technology}-{platform.hypervisor}"
    as_reached = platform.network == NETWORKS.get(platform.technology, platform.network)
    return name if name in PLATFORMS and as_reached and not platform.emulated else ""


def settings_of(plan: Plan, platform: PlannedPlatform) -> Mapping[str, Any]:
    """Give the settings of a platform, as the configuration has them."""
    name = platform.name.partition("+")[0]
    configured: list[dict[str, Any]] = plan.config.get("platforms", [])
    found = (one.get("settings", {}) for one in configured if one["name"] == name)
    return next(found, {})


def platform_otherwise(plan: Plan, platform: PlannedPlatform) -> Iterator[str]:
    """Say which settings of a platform keep it from being the paper's."""
    settings = settings_of(plan, platform)
    own = [one for one in TECHNOLOGIES if one.of == platform.technology]
    yield from filter(None, (one.broken_by(settings) for one in own))


def workload_otherwise(plan: Plan, workload: str) -> Iterator[str]:
    """Say what keeps a workload from being the paper's: its settings, or the tuning."""
    for planned in plan.workloads:
        own = [one for one in WORKLOADS if one.of == planned.name == workload]
        yield from filter(None, (one.broken_by(planned.settings) for one in own))
    if workload in TUNED:
        tuning = plan.config.get("tuning", {})
        yield from filter(None, (one.broken_by(tuning) for one in TUNING))
