# SPDX-License-Identifier: Apache-2.0
"""Who is there first where the image must be transferred: start plus size over bandwidth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from featherbench.plauth2017.claims.pairwise import Contrasts

GIGABITS_PER_MIB = 8 * 2**20 / 1e9


@dataclass(frozen=True, kw_only=True)
class Link:
    """A network link, whose whole bandwidth the transfer gets."""

    gigabits_per_s: float


@dataclass(frozen=True, kw_only=True)
class Race:
    """The bandwidth in Gbit/s at which two are equally fast, and the bounds of its interval.

    Below it the smaller image of `first` outweighs its longer start.
    """

    first: str
    second: str
    equal_at: float
    low: float
    high: float

    def won_by_first(self, link: Link) -> bool:
        """Whether `first` is there first, as far as the interval tells."""
        return link.gigabits_per_s < self.low


def against(contrasts: Contrasts, first: str, second: str) -> Race | None:
    """Compare a platform that starts later from a smaller image with another one, if both have."""
    later = contrasts.contrast("startup_time", first, second)
    smaller = contrasts.contrast("image_size", first, second)
    if later is None or smaller is None:
        return None
    saved = -smaller.difference * GIGABITS_PER_MIB
    return Race(
        first=first,
        second=second,
        equal_at=_equal(saved, later.difference),
        low=_equal(saved, later.high),
        high=_equal(saved, later.low),
    )


def _equal(saved_gigabits: float, later_s: float) -> float:
    """Give the bandwidth at which the time saved is the time lost; no end where none is lost."""
    if saved_gigabits <= 0:
        return 0.0 if later_s > 0 else math.nan
    return saved_gigabits / later_s if later_s > 0 else math.inf
