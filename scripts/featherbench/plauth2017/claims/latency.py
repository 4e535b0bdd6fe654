# SPDX-License-Identifier: Apache-2.0
"""The claim on round-trip times: 4."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import (
    ALIKE,
    ALIKE_EACH,
    MUCH,
    Claim,
    below,
    judge,
    undecidable,
)
from featherbench.plauth2017.claims.pairwise import SIGNIFICANT
from featherbench.plauth2017.claims.platform_groups import CONTAINERS, ON_BOTH, ON_ONE, OSV, RUMPRUN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from featherbench.plauth2017.claims.pairwise import Contrast, Contrasts

ROUND_TRIP = "round_trip_time"


def round_trips(contrasts: Contrasts) -> Claim:
    """Claim 4."""
    terms = contrasts.terms
    peers = combinations((RUMPRUN, OSV, *CONTAINERS), 2)
    return Claim(
        number=4,
        text="Round trips of Rumprun, OSv and the containers are alike; KVM's are much shorter "
        "than Xen's for every guest.",
        parts=(
            judge(
                "Rumprun and OSv on KVM, Docker and LXD are alike",
                f"equivalence: {terms.interval} lies within {1 / ALIKE:.2f} to {ALIKE:.2f}",
                _pairs(contrasts, peers),
                ALIKE_EACH,
            ),
            judge(
                "KVM's are much shorter than Xen's, for the guests that ran on both",
                f"{terms.one_level}: p < {SIGNIFICANT}, and at most {1 / MUCH:g} of Xen's time",
                _pairs(contrasts, ON_BOTH),
                below(SIGNIFICANT, MUCH),
            ),
            undecidable(
                "So they are for OSv and MirageOS",
                f"The paper has each of {' and '.join(ON_ONE)} on one hypervisor only",
            ),
        ),
    )


def _pairs(contrasts: Contrasts, pairs: Iterable[tuple[str, str]]) -> list[Contrast]:
    return [one for a, b in pairs for one in contrasts.each(ROUND_TRIP, [a], [b])]
