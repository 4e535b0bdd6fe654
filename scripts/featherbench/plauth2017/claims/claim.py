# SPDX-License-Identifier: Apache-2.0
"""Claims of the paper, and how comparisons decide on their statements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.statistics.conventions import SIGNIFICANT_P
from featherbench.wording.claim_verdict import ClaimVerdict, claim_verdict
from featherbench.wording.formatting import ratio
from featherbench.wording.phrases import format_p, interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from featherbench.plauth2017.claims.pairwise import Contrast

    Condition = Callable[[Contrast], bool]

MUCH = 2.0
""""Much" is a factor of two, and a significant difference."""
ALIKE = 1.25
""""Alike" is an interval of the ratio that lies within 0.80 to 1.25, the usual bounds for
bioequivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15(6))."""
MOST = 0.5
""""Most" and "many" are more than this share."""
FEW_NAMES = 4


@dataclass(frozen=True, kw_only=True)
class JudgedStatement:
    """One statement of a claim, with its verdict, its test and the result of the test.

    `holds` says for each comparison in `evidence` whether it agrees with the statement; None if it
    does not decide.
    """

    statement: str
    verdict: ClaimVerdict
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
    statements: tuple[JudgedStatement, ...]

    @property
    def verdict(self) -> str:
        """The verdict, or how many statements have which."""
        return claim_verdict([statement.verdict for statement in self.statements])


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


def judge_statement(
    statement: str,
    test: str,
    evidence: Sequence[Contrast],
    rule: Rule,
    *,
    least_share: float = 1.0,
    remark: str = "",
) -> JudgedStatement:
    """Judge a statement by comparisons.

    It is supported if all comparisons agree, or more than `least_share` of them if that is below 1.
    It is not supported if the undecided comparisons could not change that. Otherwise, and without
    any comparison, it is inconclusive.
    """
    if not evidence:
        return inconclusive(statement, "The data have no such comparison", remark=remark)
    holds = tuple(rule.of(contrast) for contrast in evidence)
    return JudgedStatement(
        statement=statement,
        verdict=_verdict(holds, least_share),
        test=test,
        finding=_finding(evidence, holds),
        evidence=tuple(evidence),
        holds=holds,
        remark=remark,
    )


def _verdict(holds: Sequence[bool | None], least_share: float) -> ClaimVerdict:
    def suffice(agreeing: int) -> bool:
        return agreeing > least_share * len(holds) or agreeing == len(holds)

    if suffice(holds.count(True)):
        return ClaimVerdict.SUPPORTED
    undecided = suffice(len(holds) - holds.count(False))
    return ClaimVerdict.INCONCLUSIVE if undecided else ClaimVerdict.NOT_SUPPORTED


def inconclusive(
    statement: str, finding: str, evidence: Sequence[Contrast] = (), *, remark: str = ""
) -> JudgedStatement:
    """Return a statement that the data cannot decide, with the reason."""
    return JudgedStatement(
        statement=statement,
        verdict=ClaimVerdict.INCONCLUSIVE,
        test="none",
        finding=finding,
        evidence=tuple(evidence),
        remark=remark,
    )


def _finding(evidence: Sequence[Contrast], holds: Sequence[bool | None]) -> str:
    """Return for how many comparisons the statement holds, the ratios, and the exceptions."""
    if len(evidence) == 1:
        return _ratio(evidence[0])
    contradicting, undecided = (
        [contrast for contrast, held in zip(evidence, holds, strict=True) if held is which]
        for which in (False, None)
    )
    exceptions = _exceptions("not", contradicting) + _exceptions("inconclusive", undecided)
    agreeing = f"In {holds.count(True)} of {len(evidence)} comparisons"
    return f"{agreeing}; {_ratios(evidence)}{exceptions}"


def _ratios(evidence: Sequence[Contrast]) -> str:
    ratios = [contrast.ratio for contrast in evidence if math.isfinite(contrast.ratio)]
    tested = [contrast for contrast in evidence if math.isfinite(contrast.p)]
    bounds = [bound for contrast in tested for bound in (contrast.ratio_low, contrast.ratio_high)]
    low, high = ratio(min(ratios)), ratio(max(ratios))
    text = f"ratios {low} to {high}" if low != high else f"ratio {low}"
    if not bounds or not all(map(math.isfinite, bounds)):
        return text
    lowest, highest = min(bounds[::2]), max(bounds[1::2])
    return f"{text} (intervals {ratio(lowest)} to {ratio(highest)})"


def _exceptions(how: str, exceptions: Sequence[Contrast]) -> str:
    if not exceptions:
        return ""
    if len(exceptions) <= FEW_NAMES:
        return f"; {how}: {'; '.join(map(_ratio, exceptions))}"
    farthest = max(exceptions, key=lambda it: abs(math.log(it.ratio)) if it.ratio > 0 else 0)
    return f"; {how}, for example: {_ratio(farthest)}"


def _ratio(contrast: Contrast) -> str:
    at = "" if contrast.level is None else f" at {contrast.level:,}"
    text = f"{contrast.a} to {contrast.b}{at}: ratio {ratio(contrast.ratio)}"
    if not math.isfinite(contrast.p):
        return text
    return f"{text} ({interval(contrast.ratio_low, contrast.ratio_high)}, {format_p(contrast.p)})"
