# SPDX-License-Identifier: Apache-2.0
"""The classes of platforms that the paper asks about, and why a run has no values of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.records.plan import Plan, PlannedPlatform

CONTAINER_TECHNOLOGIES = ("docker", "lxd")
SYSTEM_TECHNOLOGIES = ("linux", "netbsd")
UNIKERNEL_TECHNOLOGIES = ("rumprun", "osv", "mirageos", "unikraft", "nanos", "floor")
NATIVE = "native"
PLAIN = ("linux", NATIVE)
"""The platform that does not isolate, with which all others are compared."""


@dataclass(frozen=True, kw_only=True)
class PlatformClass:
    """Platforms of some technologies; `examples` is what to add to the configuration.

    `native` says whether they run without a hypervisor, or with one; None if both are in the class.
    """

    name: str
    technologies: tuple[str, ...]
    native: bool | None
    examples: tuple[str, ...]

    def has(self, technology: str, hypervisor: str) -> bool:
        """Whether a platform is in this class."""
        return technology in self.technologies and self.native in {None, hypervisor == NATIVE}


CONTAINERS = PlatformClass(
    name="containers",
    technologies=CONTAINER_TECHNOLOGIES,
    native=True,
    examples=("docker-native", "lxd-native"),
)
GUESTS = PlatformClass(
    name="whole-system virtualization",
    technologies=SYSTEM_TECHNOLOGIES,
    native=False,
    examples=("linux-kvm",),
)
CONTAINERS_IN_GUESTS = PlatformClass(
    name="containers in virtual machines",
    technologies=CONTAINER_TECHNOLOGIES,
    native=False,
    examples=("docker-kvm", "lxd-kvm"),
)
UNIKERNELS = PlatformClass(
    name="unikernels",
    technologies=UNIKERNEL_TECHNOLOGIES,
    native=None,
    examples=("rumprun-kvm", "osv-kvm", "mirageos-kvm"),
)
CLASSES = (CONTAINERS, GUESTS, CONTAINERS_IN_GUESTS, UNIKERNELS)


class OtherPlatforms(PlatformClass):
    """Platforms that isolate and are in none of CLASSES, such as a plug-in's technology."""

    def has(self, technology: str, hypervisor: str) -> bool:
        """Whether a platform is in no other class."""
        return (technology, hypervisor) != PLAIN and not any(
            platform_class.has(technology, hypervisor) for platform_class in CLASSES
        )


OTHERS = OtherPlatforms(name="other platforms", technologies=(), native=None, examples=())
"""The paper has no question about them, so that nothing is open if a run has none."""


def why_unknown(platform_class: PlatformClass, plan: Plan | None, workloads: Sequence[str]) -> str:
    """Return why a class has no value of these workloads, and what to add to the configuration."""
    if plan is None:
        return "the plan is missing, so that it is not known what was requested"
    requested = [
        platform
        for platform in plan.platforms
        if platform_class.has(platform.technology, platform.hypervisor)
    ]
    reasons = [_why(platform, workloads) for platform in requested]
    if all(platform.emulated or _has_no_image(platform, workloads) for platform in requested):
        names = " or ".join(f"`{name}`" for name in platform_class.examples)
        reasons.append(f"to measure them, add {names} to `platforms`")
    return "; ".join(reasons)


def _why(platform: PlannedPlatform, workloads: Sequence[str]) -> str:
    if platform.emulated:
        return f"`{platform.name}` is emulated in software, which says nothing about their speed"
    if platform.missing_requirements:
        missing = platform.missing_requirements[0]
        return f"`{platform.name}` cannot run here: {missing.what} ({missing.remedy})"
    if _has_no_image(platform, workloads):
        return f"`{platform.name}` has no image of {' and '.join(workloads)}"
    return f"`{platform.name}` has no valid window"


def _has_no_image(platform: PlannedPlatform, workloads: Sequence[str]) -> bool:
    return set(workloads) <= set(platform.unsupported_workloads)
