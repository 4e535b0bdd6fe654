# SPDX-License-Identifier: Apache-2.0
"""The kinds of platforms that the paper asks about, all others, and why a run has none of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.records.plan import Plan, PlannedPlatform

CONTAINERS = ("docker", "lxd")
SYSTEMS = ("linux", "netbsd")
LIBRARY_SYSTEMS = ("rumprun", "osv", "mirageos", "unikraft", "nanos", "floor")
NATIVE = "native"
PLAIN = ("linux", NATIVE)
"""What does not isolate, and is what all others are compared with."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Platforms of some technologies, on the bare host or not; `examples` is what to ask for.

    `bare` is None where that makes no difference.
    """

    name: str
    technologies: tuple[str, ...]
    bare: bool | None
    examples: tuple[str, ...]

    def has(self, technology: str, hypervisor: str) -> bool:
        """Whether a platform is of this kind."""
        return technology in self.technologies and self.bare in {None, hypervisor == NATIVE}


BARE_CONTAINERS = Kind(
    name="containers",
    technologies=CONTAINERS,
    bare=True,
    examples=("docker-native", "lxd-native"),
)
GUESTS = Kind(
    name="whole-system virtualization", technologies=SYSTEMS, bare=False, examples=("linux-kvm",)
)
CONTAINERS_IN_GUESTS = Kind(
    name="containers in virtual machines",
    technologies=CONTAINERS,
    bare=False,
    examples=("docker-kvm", "lxd-kvm"),
)
UNIKERNELS = Kind(
    name="unikernels",
    technologies=LIBRARY_SYSTEMS,
    bare=None,
    examples=("rumprun-kvm", "osv-kvm", "mirageos-kvm"),
)
KINDS = (BARE_CONTAINERS, GUESTS, CONTAINERS_IN_GUESTS, UNIKERNELS)


class Rest(Kind):
    """Whatever is of none of the paper's kinds, and isolates: a plug-in's technology, for one."""

    def has(self, technology: str, hypervisor: str) -> bool:
        """Whether a platform is of none of KINDS."""
        return (technology, hypervisor) != PLAIN and not any(
            kind.has(technology, hypervisor) for kind in KINDS
        )


OTHERS = Rest(name="other platforms", technologies=(), bare=None, examples=())
"""Nobody asks for them: where there are none, nothing is unknown."""


def why_unknown(kind: Kind, plan: Plan | None, workloads: Sequence[str]) -> str:
    """Say why nothing of these workloads was measured of a kind, and what would have to be."""
    if plan is None:
        return "the plan is missing, so that it is not known what was asked for"
    asked = [one for one in plan.platforms if kind.has(one.technology, one.hypervisor)]
    reasons = [_why(one, workloads) for one in asked]
    if not all(one.emulated or _has_no_image(one, workloads) for one in asked):
        return "; ".join(reasons)
    named = " or ".join(f"`{name}`" for name in kind.examples)
    return "; ".join([*reasons, f"to know, put {named} in `platforms`"])


def _why(one: PlannedPlatform, workloads: Sequence[str]) -> str:
    if one.emulated:
        return f"`{one.name}` is emulated in software, which tells nothing of their speed"
    if one.missing_requirements:
        missing = one.missing_requirements[0]
        return f"`{one.name}` cannot run here: {missing.what} ({missing.remedy})"
    if _has_no_image(one, workloads):
        return f"`{one.name}` has no image of {' and '.join(workloads)}"
    return f"`{one.name}` has no valid window"


def _has_no_image(one: PlannedPlatform, workloads: Sequence[str]) -> bool:
    return set(workloads) <= set(one.unsupported_workloads)
