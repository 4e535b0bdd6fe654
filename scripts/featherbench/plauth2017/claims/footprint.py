# SPDX-License-Identifier: Apache-2.0
"""The claims on image size and memory: 3 and 9, by single values without a test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import (
    Claim,
    JudgedStatement,
    Rule,
    by_value,
    judge_statement,
)
from featherbench.plauth2017.claims.pairwise import (
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
    from featherbench.plauth2017.claims.pairwise import Contrasts

SIZE = "image_size"
HTTP, KV = "memory_http_load", "memory_kv_load"
STEP_MIB = 8
"""The step in which the paper gave memory to guests; smaller differences say nothing."""
LESS, MORE = (
    f"{how} by {STEP_MIB} MiB or more, the step in which the paper gave memory; single values, "
    "no test"
    for how in ("less", "more")
)
NOT_ONE_QUANTITY = (
    "The memory that containers use and the memory that guests and unikernels must be given are "
    "not the same quantity."
)
IS_LESS = by_value(lambda it: it.difference <= -STEP_MIB)
IS_MORE = by_value(lambda it: it.difference >= STEP_MIB)


def _smaller(power: int) -> Rule:
    return by_value(lambda it: round(-math.log10(it.ratio)) == power)


def image_sizes(contrasts: Contrasts) -> Claim:
    """Judge claim 3."""

    def statement(
        text: str, platforms: tuple[str, ...], others: tuple[str, ...], power: int
    ) -> JudgedStatement:
        evidence = contrasts.each(SIZE, platforms, others)
        smaller_still = any(-math.log10(it.ratio) > power + 0.5 for it in evidence)
        return judge_statement(
            text,
            f"the power of ten that is nearest to the ratio is {10**power}; single values, no test",
            evidence,
            _smaller(power),
            remark="The difference is larger than the claim says." if smaller_still else "",
        )

    rumprun = (RUMPRUN, RUMPRUN_XEN)
    return Claim(
        number=3,
        text="Container images are about ten times smaller than the Linux VM's, Rumprun's and "
        "OSv's ten times smaller again, MirageOS's a hundred times.",
        statements=(
            statement("Containers are about ten times smaller than the VM", CONTAINERS, GUESTS, 1),
            statement("Rumprun is about ten times smaller than containers", rumprun, CONTAINERS, 1),
            statement("OSv is about ten times smaller than containers", (OSV,), CONTAINERS, 1),
            statement("MirageOS is about a hundred times smaller", (MIRAGEOS,), CONTAINERS, 2),
        ),
    )


def memory(contrasts: Contrasts) -> Claim:
    """Judge claim 9."""
    others = [name for name in contrasts.platforms(KV) if name not in CONTAINERS] + [MIRAGEOS]
    groups = (((RUMPRUN,), (GUEST,)), ((RUMPRUN_XEN, MIRAGEOS), (XEN_GUEST,)))
    by_hypervisor = [
        contrast
        for metric in (HTTP, KV)
        for unikernels, guests in groups
        for contrast in contrasts.each(metric, unikernels, guests)
    ]
    containers = [
        contrast for metric in (HTTP, KV) for contrast in contrasts.each(metric, CONTAINERS, others)
    ]
    return Claim(
        number=9,
        text="Memory: containers need least; unikernels less than a Linux guest; MirageOS least of "
        "the unikernels; OSv more than the Linux guest for Redis.",
        statements=(
            judge_statement(
                "Containers need least", LESS, containers, IS_LESS, remark=NOT_ONE_QUANTITY
            ),
            judge_statement(
                "Rumprun and MirageOS need less than the Linux guest of the same hypervisor",
                LESS,
                by_hypervisor,
                IS_LESS,
            ),
            *(
                judge_statement(
                    f"MirageOS needs least of the unikernels ({service})",
                    LESS,
                    contrasts.each(metric, (MIRAGEOS,), UNIKERNELS),
                    IS_LESS,
                )
                for metric, service in ((HTTP, "HTTP"), (KV, "Redis"))
            ),
            judge_statement(
                "OSv needs more than the Linux guest for Redis",
                MORE,
                contrasts.each(KV, (OSV,), (GUEST,)),
                IS_MORE,
            ),
        ),
    )
