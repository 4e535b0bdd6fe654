# SPDX-License-Identifier: Apache-2.0
"""The claims on HTTP throughput: 6, 7 and 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.paper.claims import (
    ALIKE,
    MUCH,
    SIGNIFICANT,
    VERY,
    Claim,
    above,
    alike,
    below,
    judge,
    not_above,
    undecidable,
)
from featherbench.paper.groups import (
    CONTAINERS,
    CONTAINERS_IN_GUEST,
    GUEST,
    MIRAGEOS,
    NATIVE,
    RUMPRUN,
)

if TYPE_CHECKING:
    from featherbench.paper.contrasts import Contrasts

HTTP = "http_throughput"
AT_EVERY_LEVEL = "Tukey-Kramer at every level, all pairs of platforms at a level as one family"
LEAD_FROM = 600
EQUIVALENCE = (
    "equivalence at every level: the simultaneous 95 % interval of the ratio (Tukey-Kramer, "
    f"Fieller) lies within {1 / ALIKE:.2f} to {ALIKE:.2f}"
)


def containers_cost(contrasts: Contrasts) -> Claim:
    """Claim 6."""
    levels = contrasts.levels(HTTP)
    test = f"{AT_EVERY_LEVEL}: p < {VERY}"
    return Claim(
        number=6,
        text="HTTP: containers cost significantly against native execution, on the bare host and "
        "inside a guest (p < 0.0001); NAT is the suspected cause, untested.",
        parts=(
            judge(
                "Docker and LXD are slower than the bare host",
                test,
                contrasts.each(HTTP, CONTAINERS, [NATIVE], levels),
                below(VERY),
            ),
            judge(
                "Docker and LXD in a KVM guest are slower than the guest",
                test,
                contrasts.each(HTTP, CONTAINERS_IN_GUEST, [GUEST], levels),
                below(VERY),
            ),
            undecidable(
                "Network address translation is the cause",
                "Every container is published with one network only, none without translation",
            ),
        ),
    )


def rumprun_against_containers(contrasts: Contrasts) -> Claim:
    """Claim 7."""
    few = [level for level in contrasts.levels(HTTP) if level < LEAD_FROM]
    many = [level for level in contrasts.levels(HTTP) if level >= LEAD_FROM]
    places = (("containers in a KVM guest", CONTAINERS_IN_GUEST), ("native containers", CONTAINERS))
    parts = []
    for where, containers in places:
        early = contrasts.each(HTTP, [RUMPRUN], containers, few)
        late = contrasts.each(HTTP, [RUMPRUN], containers, many)
        lead = f"{AT_EVERY_LEVEL}: p < {VERY}"
        no_lead = f"{AT_EVERY_LEVEL}: not significantly ahead at p < {SIGNIFICANT}"
        below_it = f"below {LEAD_FROM} connections"
        parts += [
            judge(f"On a par with {where} {below_it}", EQUIVALENCE, early, alike),
            judge(f"Not ahead of {where} {below_it}", no_lead, early, not_above),
            judge(f"Ahead of {where} from {LEAD_FROM} on", lead, late, above(VERY)),
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
                f"{AT_EVERY_LEVEL}: p < {SIGNIFICANT}, and at most {1 / MUCH:g} of the other's "
                "throughput",
                found,
                below(SIGNIFICANT, MUCH),
                remark=f"Its means are doubtful at {remark}." if remark else "",
            ),
        ),
    )
