# SPDX-License-Identifier: Apache-2.0
"""The claims on image size and memory: 3 and 9. There is one value each, so nothing is tested."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import Claim, Part, Rule, as_valued, judge
from featherbench.plauth2017.claims.platform_groups import (
    CONTAINERS,
    GUEST,
    GUESTS,
    MIRAGEOS,
    OSV,
    RUMPRUN,
    RUMPRUN_XEN,
    UNIKERNELS,
    XEN_GUEST,
)

if TYPE_CHECKING:
    from featherbench.plauth2017.claims.pairwise import Contrast, Contrasts

SIZE = "image_size"
HTTP, KV = "memory_http_load", "memory_kv_load"
STEP_MIB = 8
"""Guests and unikernels were given memory in such steps; smaller differences say nothing."""
LESS = (
    f"less by {STEP_MIB} MiB or more, the step in which the paper gave memory; means as they are, "
    "no test"
)
NOT_ONE_QUANTITY = (
    "What containers use and what guests and unikernels must be given are not the same quantity."
)


def _smaller(power: int) -> Rule:
    return as_valued(lambda one: round(-math.log10(one.ratio)) == power)


def image_sizes(contrasts: Contrasts) -> Claim:
    """Claim 3."""

    def part(statement: str, ones: tuple[str, ...], others: tuple[str, ...], power: int) -> Part:
        found = contrasts.each(SIZE, ones, others)
        smaller_still = any(-math.log10(one.ratio) > power + 0.5 for one in found)
        return judge(
            statement,
            f"the power of ten next to the ratio is {10**power}; means as they are, no test",
            found,
            _smaller(power),
            remark="The difference is larger than the claim says." if smaller_still else "",
        )

    return Claim(
        number=3,
        text="Container images are about ten times smaller than the Linux VM's, Rumprun's and "
        "OSv's ten times smaller again, MirageOS's a hundred.",
        parts=(
            part("Containers are about ten times smaller than the VM", CONTAINERS, GUESTS, 1),
            part(
                "Rumprun is about ten times smaller than containers",
                (RUMPRUN, RUMPRUN_XEN),
                CONTAINERS,
                1,
            ),
            part("OSv is about ten times smaller than containers", (OSV,), CONTAINERS, 1),
            part("MirageOS is about a hundred times smaller", (MIRAGEOS,), CONTAINERS, 2),
        ),
    )


def _less(one: Contrast) -> bool:
    return one.difference <= -STEP_MIB


def _more(one: Contrast) -> bool:
    return one.difference >= STEP_MIB


def memory(contrasts: Contrasts) -> Claim:
    """Claim 9."""
    both = (HTTP, KV)
    rest = [name for name in contrasts.platforms(KV) if name not in CONTAINERS] + [MIRAGEOS]
    least = [one for each in both for one in contrasts.each(each, CONTAINERS, rest)]
    lean = [
        one
        for each in both
        for hypervisor in (((RUMPRUN,), (GUEST,)), ((RUMPRUN_XEN, MIRAGEOS), (XEN_GUEST,)))
        for one in contrasts.each(each, *hypervisor)
    ]
    return Claim(
        number=9,
        text="Memory: containers need least; unikernels less than a Linux guest; MirageOS least of "
        "the unikernels; OSv more than the Linux guest for Redis.",
        parts=(
            judge("Containers need least", LESS, least, as_valued(_less), remark=NOT_ONE_QUANTITY),
            judge(
                "Rumprun and MirageOS need less than the Linux guest of the same hypervisor",
                LESS,
                lean,
                as_valued(_less),
            ),
            _mirageos_least(contrasts, HTTP, "HTTP"),
            _mirageos_least(contrasts, KV, "Redis"),
            judge(
                "OSv needs more than the Linux guest for Redis",
                LESS.replace("less", "more", 1),
                contrasts.each(KV, (OSV,), (GUEST,)),
                as_valued(_more),
            ),
        ),
    )


def _mirageos_least(contrasts: Contrasts, metric: str, service: str) -> Part:
    found = contrasts.each(metric, (MIRAGEOS,), UNIKERNELS)
    return judge(
        f"MirageOS needs least of the unikernels ({service})", LESS, found, as_valued(_less)
    )
