# SPDX-License-Identifier: Apache-2.0
"""What a claim is, and how its parts are judged from comparisons."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from featherbench.report.numbers import p_value, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from featherbench.paper.contrasts import Contrast

    Rule = Callable[[Contrast], bool]

SIGNIFICANT = 0.05
VERY = 0.0001
"""The level at which the paper calls differences of throughput significant."""
MUCH = 2.0
"""What counts as much: a factor of two, and a significant difference."""
ALIKE = 1.25
"""What counts as alike: the whole interval of the ratio within 0.80 to 1.25, the bounds that are
usual for bioequivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15(6))."""
MOST = 0.5
"""`Most` and `many` are more than this share."""
FEW_NAMES = 4


class Verdict(StrEnum):
    """What the data say of a claim."""

    BORNE_OUT = "borne out"
    NOT_BORNE_OUT = "not borne out"
    NOT_DECIDABLE = "not decidable"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One statement that a claim makes, with its test and what the test found.

    `holds` says of each of `evidence` whether it agrees with the statement.
    """

    statement: str
    verdict: Verdict
    test: str
    finding: str
    evidence: tuple[Contrast, ...] = ()
    holds: tuple[bool, ...] = ()
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper, in our words."""

    number: int
    text: str
    parts: tuple[Part, ...]

    @property
    def verdict(self) -> Verdict | None:
        """What the data say of all parts alike; None where parts differ."""
        found = {part.verdict for part in self.parts}
        return found.pop() if len(found) == 1 else None

    @property
    def said(self) -> str:
        """Spell the verdict, or how many parts have which."""
        if self.verdict is not None:
            return self.verdict.value
        counts = Counter(part.verdict for part in self.parts)
        tally = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        return f"in part: {tally}"


def below(alpha: float, factor: float = 1.0) -> Rule:
    """Say that a is significantly below b, and by that factor at least."""
    return lambda one: one.p < alpha and one.difference < 0 and one.ratio * factor <= 1


def above(alpha: float) -> Rule:
    """Say that a is significantly above b."""
    return lambda one: one.p < alpha and one.difference > 0


def not_below(one: Contrast) -> bool:
    """Whether a is not significantly below b."""
    return not below(SIGNIFICANT)(one)


def not_above(one: Contrast) -> bool:
    """Whether a is not significantly above b."""
    return not above(SIGNIFICANT)(one)


def not_different(one: Contrast) -> bool:
    """Whether no significant difference shows."""
    return not one.p < SIGNIFICANT


def alike(one: Contrast) -> bool:
    """Whether the two are equivalent: the ratio's interval lies within the margin."""
    return one.ratio_low >= 1 / ALIKE and one.ratio_high <= ALIKE


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

    It is borne out if the rule holds for all of them, or for more than `least_share` of them where
    that is less than 1; without any comparison it cannot be decided.
    """
    if not evidence:
        return undecidable(statement, "The data have no such comparison", remark=remark)
    holds = tuple(rule(one) for one in evidence)
    share = sum(holds) / len(holds)
    enough = share > least_share or share == 1
    return Part(
        statement=statement,
        verdict=Verdict.BORNE_OUT if enough else Verdict.NOT_BORNE_OUT,
        test=test,
        finding=_finding(evidence, holds),
        evidence=tuple(evidence),
        holds=holds,
        remark=remark,
    )


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


def _finding(evidence: Sequence[Contrast], holds: Sequence[bool]) -> str:
    """Say for how many comparisons it holds, for which it does not, and how large ratios are."""
    against = [one for one, held in zip(evidence, holds, strict=True) if not held]
    if len(evidence) == 1:
        return _spelt(evidence[0])
    said = f"In {len(evidence) - len(against)} of {len(evidence)} comparisons"
    return f"{said}; {_span(evidence)}{_exceptions(against)}"


def _span(evidence: Sequence[Contrast]) -> str:
    ratios = [one.ratio for one in evidence if math.isfinite(one.ratio)]
    lows = [one.ratio_low for one in evidence if math.isfinite(one.p)]
    highs = [one.ratio_high for one in evidence if math.isfinite(one.p)]
    low, high = ratio(min(ratios)), ratio(max(ratios))
    said = f"ratios {low} to {high}" if low != high else f"ratio {low}"
    bounded = lows and all(map(math.isfinite, lows + highs))
    return f"{said} (intervals {ratio(min(lows))} to {ratio(max(highs))})" if bounded else said


def _exceptions(against: Sequence[Contrast]) -> str:
    if not against:
        return ""
    if len(against) <= FEW_NAMES:
        return f"; not {'; '.join(map(_spelt, against))}"
    farthest = max(against, key=lambda one: abs(math.log(one.ratio)) if one.ratio > 0 else 0)
    return f"; not, for one, {_spelt(farthest)}"


def _spelt(one: Contrast) -> str:
    if not math.isfinite(one.p):
        return f"{name(one)}: ratio {ratio(one.ratio)}"
    interval = f"95 % interval {ratio(one.ratio_low)} to {ratio(one.ratio_high)}"
    return f"{name(one)}: ratio {ratio(one.ratio)} ({interval}, p {_equals(one.p)})"


def _equals(p: float) -> str:
    spelt = p_value(p)
    return spelt if spelt.startswith("<") else f"= {spelt}"
