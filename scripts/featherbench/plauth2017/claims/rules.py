# SPDX-License-Identifier: Apache-2.0
"""The rules by which a comparison agrees with a statement of the paper, or contradicts it."""

import math
from collections.abc import Callable, Mapping

from featherbench.plauth2017.claims.pairwise import Contrast
from featherbench.statistics.conventions import SIGNIFICANT_P

Rule = Callable[[Contrast], bool | None]
"""Whether a comparison agrees with a statement; None if it does not decide."""

MUCH = 2.0
""""Much" is a factor of two, and a significant difference."""
ALIKE = 1.25
""""Alike" is an interval of the ratio that lies within 0.80 to 1.25, the usual bounds for
bioequivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15(6))."""
STEP_MIB = 8
"""The step in which the paper gave memory to guests; smaller differences say nothing."""
POWERS_OF_TEN = {"tenth": 1, "hundredth": 2}
"""The rules that a is smaller than b by a power of ten."""


def _decided(it: Contrast, *, holds: bool, shown: bool, refuted: bool) -> bool | None:
    """Return whether a comparison agrees with a statement; None if it does not decide.

    For the paper's own data, `holds` decides. A run may be too small to decide: there, `shown`
    agrees with the statement, `refuted` contradicts it, and neither leaves it open.
    """
    if it.margin is None:
        return holds
    return True if shown else (False if refuted else None)


def _is_below(it: Contrast, alpha: float, factor: float = 1.0) -> bool:
    return it.p < alpha and it.ratio < 1 and it.ratio * factor <= 1


def _is_above(it: Contrast, alpha: float) -> bool:
    return it.p < alpha and it.difference > 0


def below(alpha: float, factor: float = 1.0) -> Rule:
    """Return the rule that a is significantly below b, and by at least that factor."""

    def rule(it: Contrast) -> bool | None:
        holds = _is_below(it, alpha, factor)
        refuted = it.equivalent or it.ratio_low * factor > 1
        return _decided(it, holds=holds, shown=holds, refuted=refuted)

    return rule


def above(alpha: float) -> Rule:
    """Return the rule that a is significantly above b."""

    def rule(it: Contrast) -> bool | None:
        holds = _is_above(it, alpha)
        return _decided(it, holds=holds, shown=holds, refuted=it.equivalent or it.ratio_high < 1)

    return rule


def not_below(it: Contrast) -> bool | None:
    """Return whether a is not significantly below b; in a run: below by less than the margin."""
    is_below = _is_below(it, SIGNIFICANT_P)
    shown = it.ratio_low * (1 + (it.margin or 0.0)) >= 1
    return _decided(it, holds=not is_below, shown=shown, refuted=is_below)


def not_above(it: Contrast) -> bool | None:
    """Return whether a is not significantly above b; in a run: above by less than the margin."""
    is_above = _is_above(it, SIGNIFICANT_P)
    shown = it.ratio_high <= 1 + (it.margin or 0.0)
    return _decided(it, holds=not is_above, shown=shown, refuted=is_above)


def not_different(it: Contrast) -> bool | None:
    """Return whether a is not significantly different from b; in a run: equivalent to b."""
    differs = it.p < SIGNIFICANT_P
    return _decided(it, holds=not differs, shown=it.equivalent, refuted=differs)


def alike(it: Contrast) -> bool | None:
    """Return whether the interval of the ratio lies within ALIKE."""
    holds = it.ratio_low >= 1 / ALIKE and it.ratio_high <= ALIKE
    outside = it.ratio_high < 1 / ALIKE or it.ratio_low > ALIKE
    return _decided(it, holds=holds, shown=holds, refuted=outside)


def _nearest_power(power: int) -> Rule:
    return lambda it: round(-math.log10(it.ratio)) == power


def rules(very: float) -> Mapping[str, Rule]:
    """Return the rules by their names in `claims.yaml`; differences are "very" so at p < `very`."""
    return {
        "below": below(SIGNIFICANT_P),
        "much_below": below(SIGNIFICANT_P, MUCH),
        "very_below": below(very),
        "above": above(SIGNIFICANT_P),
        "very_above": above(very),
        "not_below": not_below,
        "not_above": not_above,
        "not_different": not_different,
        "alike": alike,
        **{name: _nearest_power(power) for name, power in POWERS_OF_TEN.items()},
        "less_memory": lambda it: it.difference <= -STEP_MIB,
        "more_memory": lambda it: it.difference >= STEP_MIB,
    }
