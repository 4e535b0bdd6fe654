# SPDX-License-Identifier: Apache-2.0
"""Verdicts on the statements of a claim, and on the claim."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ClaimVerdict(StrEnum):
    """Whether data support a statement."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"


def claim_verdict(verdicts: Sequence[ClaimVerdict]) -> str:
    """Return the verdict on a claim, or how many of its statements have which."""
    if len(set(verdicts)) == 1:
        return verdicts[0].value
    counts = {verdict: verdicts.count(verdict) for verdict in ClaimVerdict}
    return "in part: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
