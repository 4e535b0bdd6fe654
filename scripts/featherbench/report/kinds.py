# SPDX-License-Identifier: Apache-2.0
"""The kinds of platforms that the paper asks about, and why a run says nothing of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.plan import Plan, PlannedPlatform

CONTAINERS = ("docker", "lxd")
SYSTEMS = ("linux", "netbsd")
UNIKERNELS = ("rumprun", "osv", "mirageos")
NATIVE = "native"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Platforms of some technologies, on the bare host or not; `examples` is what to ask for."""

    name: str
    technologies: tuple[str, ...]
    bare: bool
    examples: tuple[str, ...]

    def has(self, technology: str, host: str) -> bool:
        """Whether a platform is of this kind."""
        return technology in self.technologies and (host == NATIVE) == self.bare


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
UNIKERNELS_IN_GUESTS = Kind(
    name="unikernels",
    technologies=UNIKERNELS,
    bare=False,
    examples=("rumprun-kvm", "osv-kvm", "mirageos-kvm"),
)
KINDS = (BARE_CONTAINERS, GUESTS, CONTAINERS_IN_GUESTS, UNIKERNELS_IN_GUESTS)


def why_unknown(kind: Kind, plan: Plan | None) -> str:
    """Say why nothing was measured of a kind, and what would have to be."""
    if plan is None:
        return "the plan is missing, so that it is not known what was asked for"
    asked = [one for one in plan.platforms if kind.has(one.technology, one.host)]
    able = [f"`{one.name}` has no valid window" for one in asked if _could(one)]
    reasons = "; ".join([*_obstacles(asked), *able])
    if [one for one in asked if not one.emulated]:
        return reasons
    named = " or ".join(f"`{name}`" for name in kind.examples)
    return "; ".join(filter(None, [reasons, f"to know, put {named} in `platforms`"]))


def _could(one: PlannedPlatform) -> bool:
    return one.available and not one.emulated


def _obstacles(asked: Sequence[PlannedPlatform]) -> Iterator[str]:
    for one in asked:
        if one.emulated:
            yield f"`{one.name}` is emulated in software, which tells nothing of their speed"
        elif one.lacks:
            yield f"`{one.name}` cannot run here: {one.lacks[0].what} ({one.lacks[0].remedy})"
