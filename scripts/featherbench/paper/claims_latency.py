# SPDX-License-Identifier: Apache-2.0
"""The claim on round-trip times: 4."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from featherbench.paper.claims import (
    ALIKE,
    MUCH,
    SIGNIFICANT,
    Claim,
    alike,
    below,
    judge,
    undecidable,
)
from featherbench.paper.groups import CONTAINERS, ON_BOTH, ON_ONE, OSV, RUMPRUN

if TYPE_CHECKING:
    from featherbench.paper.contrasts import Contrasts

ROUND_TRIP = "round_trip_time"
TUKEY = "Tukey-Kramer, all pairs of platforms as one family"


def round_trips(contrasts: Contrasts) -> Claim:
    """Claim 4."""
    peers = combinations((RUMPRUN, OSV, *CONTAINERS), 2)
    return Claim(
        number=4,
        text="Round trips of Rumprun, OSv and the containers are alike; KVM's are much shorter "
        "than Xen's for every guest.",
        parts=(
            judge(
                "Rumprun and OSv on KVM, Docker and LXD are alike",
                f"equivalence: the simultaneous 95 % interval of the ratio (Tukey-Kramer, Fieller) "
                f"lies within {1 / ALIKE:.2f} to {ALIKE:.2f}",
                [contrasts.contrast(ROUND_TRIP, *pair) for pair in peers],
                alike,
            ),
            judge(
                "KVM's are much shorter than Xen's, for the guests that ran on both",
                f"{TUKEY}: p < {SIGNIFICANT}, and at most {1 / MUCH:g} of Xen's time",
                [contrasts.contrast(ROUND_TRIP, *pair) for pair in ON_BOTH],
                below(SIGNIFICANT, MUCH),
            ),
            undecidable(
                "So they are for OSv and MirageOS",
                f"The data have each of {' and '.join(ON_ONE)} on one hypervisor only",
            ),
        ),
    )
