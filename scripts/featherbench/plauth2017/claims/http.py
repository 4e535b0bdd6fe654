# SPDX-License-Identifier: Apache-2.0
"""The claims on HTTP throughput: 6, 7 and 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import (
    ALIKE,
    ALIKE_EACH,
    MUCH,
    NOT_ABOVE,
    Claim,
    Part,
    above,
    below,
    judge,
    undecidable,
)
from featherbench.plauth2017.claims.pairwise import SIGNIFICANT
from featherbench.plauth2017.claims.platform_groups import (
    CONTAINERS,
    CONTAINERS_IN_GUEST,
    GUEST,
    MIRAGEOS,
    NATIVE,
    RUMPRUN,
    UNTRANSLATED,
)

if TYPE_CHECKING:
    from featherbench.plauth2017.claims.pairwise import Contrasts

HTTP = "http_throughput"
LEAD_FROM = 600


def containers_cost(contrasts: Contrasts) -> Claim:
    """Claim 6."""
    levels, very = contrasts.levels(HTTP), contrasts.terms.very
    test = f"{contrasts.terms.every_level}: p < {very}"
    return Claim(
        number=6,
        text="HTTP: containers cost significantly against native execution, on the bare host and "
        "inside a guest (p < 0.0001); NAT is the suspected cause, untested.",
        parts=(
            judge(
                "Docker and LXD are slower than the bare host",
                test,
                contrasts.each(HTTP, CONTAINERS, [NATIVE], levels),
                below(very),
            ),
            judge(
                "Docker and LXD in a KVM guest are slower than the guest",
                test,
                contrasts.each(HTTP, CONTAINERS_IN_GUEST, [GUEST], levels),
                below(very),
            ),
            _translation(contrasts),
        ),
    )


def _translation(contrasts: Contrasts) -> Part:
    """Compare containers with themselves at an address of their own, where that was measured."""
    statement = "Network address translation is the cause"
    found = [
        one
        for container in CONTAINERS
        for one in contrasts.each(
            HTTP, [container], [container + UNTRANSLATED], contrasts.levels(HTTP)
        )
    ]
    if not found:
        return undecidable(statement, "No container is there with translation and without")
    return judge(
        statement,
        f"{contrasts.terms.every_level}: slower through translation than at an address of its own, "
        f"p < {SIGNIFICANT}",
        found,
        below(SIGNIFICANT),
    )


def rumprun_against_containers(contrasts: Contrasts) -> Claim:
    """Claim 7."""
    few = [level for level in contrasts.levels(HTTP) if level < LEAD_FROM]
    many = [level for level in contrasts.levels(HTTP) if level >= LEAD_FROM]
    places = (("containers in a KVM guest", CONTAINERS_IN_GUEST), ("native containers", CONTAINERS))
    terms, parts = contrasts.terms, []
    par = f"equivalence at every level: {terms.interval} lies within {1 / ALIKE:.2f} to {ALIKE:.2f}"
    for where, containers in places:
        early = contrasts.each(HTTP, [RUMPRUN], containers, few)
        late = contrasts.each(HTTP, [RUMPRUN], containers, many)
        lead = f"{terms.every_level}: p < {terms.very}"
        no_lead = f"{terms.every_level}: {terms.not_ahead}"
        below_it = f"below {LEAD_FROM} connections"
        parts += [
            judge(f"On a par with {where} {below_it}", par, early, ALIKE_EACH),
            judge(f"Not ahead of {where} {below_it}", no_lead, early, NOT_ABOVE),
            judge(f"Ahead of {where} from {LEAD_FROM} on", lead, late, above(terms.very)),
        ]
    return Claim(
        number=7,
        text="HTTP: Rumprun is on a par with containers, and significantly ahead of them only from "
        "600 connections on (p < 0.0001).",
        parts=tuple(parts),
    )


def mirageos_out_of_competition(contrasts: Contrasts) -> Claim:
    """Claim 8."""
    others = [name for name in contrasts.platforms(HTTP) if name != MIRAGEOS]
    found = contrasts.each(HTTP, [MIRAGEOS], others, contrasts.levels(HTTP))
    doubts = contrasts.doubts(HTTP, MIRAGEOS)
    remark = "; ".join(f"{', '.join(map(str, levels))}: {why}" for why, levels in doubts.items())
    return Claim(
        number=8,
        text="HTTP: MirageOS's server is out of competition.",
        parts=(
            judge(
                "MirageOS is much slower than every other platform",
                f"{contrasts.terms.every_level}: p < {SIGNIFICANT}, and at most {1 / MUCH:g} of "
                "the other's throughput",
                found,
                below(SIGNIFICANT, MUCH),
                remark=f"Its means are doubtful at {remark}." if remark else "",
            ),
        ),
    )
