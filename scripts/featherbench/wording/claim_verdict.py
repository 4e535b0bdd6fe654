# SPDX-License-Identifier: Apache-2.0
"""What data say of a statement, and of a claim that makes several."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What the data say of a statement."""

    BORNE_OUT = "borne out"
    NOT_BORNE_OUT = "not borne out"
    NOT_DECIDABLE = "not decidable"


def tally(verdicts: Sequence[Verdict]) -> str:
    """Spell the verdict on a claim, or how many of its statements have which."""
    counts = Counter(verdicts)
    if len(counts) == 1:
        return verdicts[0].value
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"in part: {counted}"
