# SPDX-License-Identifier: Apache-2.0
"""The rules by which a comparison agrees with a statement of the paper, or contradicts it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from featherbench.plauth2017.claims.pairwise import Contrast
from featherbench.statistics.conventions import SIGNIFICANT_P

Condition = Callable[[Contrast], bool]

MUCH = 2.0
""""Much" is a factor of two, and a significant difference."""
ALIKE = 1.25
""""Alike" is an interval of the ratio that lies within 0.80 to 1.25, the usual bounds for
bioequivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15(6))."""
STEP_MIB = 8
"""The step in which the paper gave memory to guests; smaller differences say nothing."""
POWERS_OF_TEN = {"tenth": 1, "hundredth": 2}
"""The rules that a is smaller than b by a power of ten."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a comparison agrees with a statement.

    For the paper's own data, `holds` decides. A run may be too small to decide: there, `shown`
    agrees with the statement, `refuted` contradicts it, and neither leaves it open.
    """

    holds: Condition
    shown: Condition
    refuted: Condition

    def of(self, contrast: Contrast) -> bool | None:
        """Return whether a comparison agrees; None if it does not decide."""
        if contrast.margin is None:
            return self.holds(contrast)
        return True if self.shown(contrast) else (False if self.refuted(contrast) else None)


def by_value(holds: Condition) -> Rule:
    """Return a rule for values without a test, which always decide."""
    return Rule(holds=holds, shown=holds, refuted=lambda contrast: not holds(contrast))


def below(alpha: float, factor: float = 1.0) -> Rule:
    """Return the rule that a is significantly below b, and by at least that factor."""

    def holds(it: Contrast) -> bool:
        return it.p < alpha and it.ratio < 1 and it.ratio * factor <= 1

    return Rule(
        holds=holds, shown=holds, refuted=lambda it: it.equivalent or it.ratio_low * factor > 1
    )


def above(alpha: float) -> Rule:
    """Return the rule that a is significantly above b."""

    def holds(it: Contrast) -> bool:
        return it.p < alpha and it.difference > 0

    return Rule(holds=holds, shown=holds, refuted=lambda it: it.equivalent or it.ratio_high < 1)


def _margin(it: Contrast) -> float:
    return 1 + (it.margin or 0.0)


NOT_BELOW = Rule(
    holds=lambda it: not below(SIGNIFICANT_P).holds(it),
    shown=lambda it: it.ratio_low * _margin(it) >= 1,
    refuted=below(SIGNIFICANT_P).holds,
)
"""a is not significantly below b; in a run: below by less than the margin."""
NOT_ABOVE = Rule(
    holds=lambda it: not above(SIGNIFICANT_P).holds(it),
    shown=lambda it: it.ratio_high <= _margin(it),
    refuted=above(SIGNIFICANT_P).holds,
)
"""a is not significantly above b; in a run: above by less than the margin."""
NOT_DIFFERENT = Rule(
    holds=lambda it: not it.p < SIGNIFICANT_P,
    shown=lambda it: it.equivalent,
    refuted=lambda it: it.p < SIGNIFICANT_P,
)
"""a is not significantly different from b; in a run: equivalent to b."""


def _alike(it: Contrast) -> bool:
    return it.ratio_low >= 1 / ALIKE and it.ratio_high <= ALIKE


ALIKE_EACH = Rule(
    holds=_alike,
    shown=_alike,
    refuted=lambda it: it.ratio_high < 1 / ALIKE or it.ratio_low > ALIKE,
)
"""The interval of the ratio lies within ALIKE."""


def _nearest_power(power: int) -> Rule:
    return by_value(lambda it: round(-math.log10(it.ratio)) == power)


def rules(very: float) -> Mapping[str, Rule]:
    """Return the rules by their names in `claims.yaml`; differences are "very" so at p < `very`."""
    return {
        "below": below(SIGNIFICANT_P),
        "much_below": below(SIGNIFICANT_P, MUCH),
        "very_below": below(very),
        "above": above(SIGNIFICANT_P),
        "very_above": above(very),
        "not_below": NOT_BELOW,
        "not_above": NOT_ABOVE,
        "not_different": NOT_DIFFERENT,
        "alike": ALIKE_EACH,
        **{name: _nearest_power(power) for name, power in POWERS_OF_TEN.items()},
        "less_memory": by_value(lambda it: it.difference <= -STEP_MIB),
        "more_memory": by_value(lambda it: it.difference >= STEP_MIB),
    }
