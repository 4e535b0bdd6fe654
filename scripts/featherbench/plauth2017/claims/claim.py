# SPDX-License-Identifier: Apache-2.0
"""What a claim is, and how its parts are judged from comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.pairwise import SIGNIFICANT
from featherbench.wording.claim_verdict import Verdict, tally
from featherbench.wording.formatting import p_value, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from featherbench.plauth2017.claims.pairwise import Contrast

    Condition = Callable[[Contrast], bool]

MUCH = 2.0
"""What counts as much: a factor of two, and a significant difference."""
ALIKE = 1.25
"""What counts as alike: the whole interval of the ratio within 0.80 to 1.25, the bounds that are
usual for bioequivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15(6))."""
MOST = 0.5
"""`Most` and `many` are more than this share."""
FEW_NAMES = 4


@dataclass(frozen=True, kw_only=True)
class Part:
    """One statement that a claim makes, with its test and what the test found.

    `holds` says of each of `evidence` whether it agrees with the statement; None where it does not
    tell.
    """

    statement: str
    verdict: Verdict
    test: str
    finding: str
    evidence: tuple[Contrast, ...] = ()
    holds: tuple[bool | None, ...] = ()
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper, in our words."""

    number: int
    text: str
    parts: tuple[Part, ...]

    @property
    def said(self) -> str:
        """Spell the verdict, or how many parts have which."""
        return tally([part.verdict for part in self.parts])


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a comparison agrees with a statement.

    Of the data that the paper's claims are about, `holds` decides, and what they do not show is not
    so. Other data may be too few: there `shown` speaks for it, `refuted` against it, and neither
    leaves it open.
    """

    holds: Condition
    shown: Condition
    refuted: Condition

    def of(self, one: Contrast) -> bool | None:
        """Say whether a comparison agrees; None where it does not tell."""
        if one.margin is None:
            return self.holds(one)
        return True if self.shown(one) else (False if self.refuted(one) else None)


def as_valued(holds: Condition) -> Rule:
    """Take the values as they are, which always tell."""
    return Rule(holds=holds, shown=holds, refuted=lambda one: not holds(one))


def below(alpha: float, factor: float = 1.0) -> Rule:
    """Say that a is significantly below b, and by that factor at least."""

    def holds(one: Contrast) -> bool:
        return one.p < alpha and one.ratio < 1 and one.ratio * factor <= 1

    return Rule(
        holds=holds, shown=holds, refuted=lambda one: one.same or one.ratio_low * factor > 1
    )


def above(alpha: float) -> Rule:
    """Say that a is significantly above b."""

    def holds(one: Contrast) -> bool:
        return one.p < alpha and one.difference > 0

    return Rule(holds=holds, shown=holds, refuted=lambda one: one.same or one.ratio_high < 1)


def _margin(one: Contrast) -> float:
    return 1 + (one.margin or 0.0)


NOT_BELOW = Rule(
    holds=lambda one: not below(SIGNIFICANT).holds(one),
    shown=lambda one: one.ratio_low * _margin(one) >= 1,
    refuted=below(SIGNIFICANT).holds,
)
"""Say that a is not significantly below b: where data may be too few, by less than the margin."""
NOT_ABOVE = Rule(
    holds=lambda one: not above(SIGNIFICANT).holds(one),
    shown=lambda one: one.ratio_high <= _margin(one),
    refuted=above(SIGNIFICANT).holds,
)
"""Say that a is not significantly above b, likewise."""
NOT_DIFFERENT = Rule(
    holds=lambda one: not one.p < SIGNIFICANT,
    shown=lambda one: one.same,
    refuted=lambda one: one.p < SIGNIFICANT,
)
"""Say that no significant difference shows: where data may be too few, that there is none."""


def _alike(one: Contrast) -> bool:
    return one.ratio_low >= 1 / ALIKE and one.ratio_high <= ALIKE


ALIKE_EACH = Rule(
    holds=_alike,
    shown=_alike,
    refuted=lambda one: one.ratio_high < 1 / ALIKE or one.ratio_low > ALIKE,
)
"""Say that the two are equivalent: the ratio's interval lies within ALIKE."""


def judge(
    statement: str,
    test: str,
    evidence: Sequence[Contrast],
    rule: Rule,
    *,
    least_share: float = 1.0,
    remark: str = "",
) -> Part:
    """Hold a statement against comparisons.

    It is borne out if they agree with it, all of them or more than `least_share` where that is less
    than 1; not so if too few would even if those did that do not tell. Without any comparison it
    cannot be decided.
    """
    if not evidence:
        return undecidable(statement, "The data have no such comparison", remark=remark)
    holds = tuple(rule.of(one) for one in evidence)
    return Part(
        statement=statement,
        verdict=_verdict(holds, least_share),
        test=test,
        finding=_finding(evidence, holds),
        evidence=tuple(evidence),
        holds=holds,
        remark=remark,
    )


def _verdict(holds: Sequence[bool | None], least_share: float) -> Verdict:
    def enough(agreeing: int) -> bool:
        return agreeing > least_share * len(holds) or agreeing == len(holds)

    if enough(holds.count(True)):
        return Verdict.BORNE_OUT
    could = enough(len(holds) - holds.count(False))
    return Verdict.NOT_DECIDABLE if could else Verdict.NOT_BORNE_OUT


def undecidable(
    statement: str, finding: str, evidence: Sequence[Contrast] = (), *, remark: str = ""
) -> Part:
    """Give a statement that the data cannot decide, and why not."""
    return Part(
        statement=statement,
        verdict=Verdict.NOT_DECIDABLE,
        test="none",
        finding=finding,
        evidence=tuple(evidence),
        remark=remark,
    )


def name(one: Contrast) -> str:
    """Name a comparison."""
    where = "" if one.level is None else f" at {one.level:,}"
    return f"{one.a} to {one.b}{where}"


def _finding(evidence: Sequence[Contrast], holds: Sequence[bool | None]) -> str:
    """Say for how many comparisons it holds, for which it does not, and how large ratios are."""
    if len(evidence) == 1:
        return _spelt(evidence[0])
    said = f"In {holds.count(True)} of {len(evidence)} comparisons"
    against, untold = (
        [one for one, held in zip(evidence, holds, strict=True) if held is which]
        for which in (False, None)
    )
    exceptions = _exceptions("not", against) + _exceptions("not told:", untold)
    return f"{said}; {_span(evidence)}{exceptions}"


def _span(evidence: Sequence[Contrast]) -> str:
    ratios = [one.ratio for one in evidence if math.isfinite(one.ratio)]
    lows = [one.ratio_low for one in evidence if math.isfinite(one.p)]
    highs = [one.ratio_high for one in evidence if math.isfinite(one.p)]
    low, high = ratio(min(ratios)), ratio(max(ratios))
    said = f"ratios {low} to {high}" if low != high else f"ratio {low}"
    bounded = lows and all(map(math.isfinite, lows + highs))
    return f"{said} (intervals {ratio(min(lows))} to {ratio(max(highs))})" if bounded else said


def _exceptions(how: str, which: Sequence[Contrast]) -> str:
    if not which:
        return ""
    if len(which) <= FEW_NAMES:
        return f"; {how} {'; '.join(map(_spelt, which))}"
    farthest = max(which, key=lambda one: abs(math.log(one.ratio)) if one.ratio > 0 else 0)
    return f"; {how.rstrip(':')}, for one, {_spelt(farthest)}"


def _spelt(one: Contrast) -> str:
    if not math.isfinite(one.p):
        return f"{name(one)}: ratio {ratio(one.ratio)}"
    interval = f"95 % interval {ratio(one.ratio_low)} to {ratio(one.ratio_high)}"
    return f"{name(one)}: ratio {ratio(one.ratio)} ({interval}, p {_equals(one.p)})"


def _equals(p: float) -> str:
    spelt = p_value(p)
    return spelt if spelt.startswith("<") else f"= {spelt}"
