# SPDX-License-Identifier: Apache-2.0
"""Claims of the paper: as `claims.yaml` declares them, and as comparisons decide on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import yaml

from featherbench.paths import resource
from featherbench.plauth2017.claims.pairwise import Contrast
from featherbench.plauth2017.claims.rules import Rule
from featherbench.records.base import Record
from featherbench.wording.formatting import ratio
from featherbench.wording.phrases import format_p, interval

MOST = 0.5
""""Most" and "many" are more than this share."""
CLAIMS = resource("plauth2017/claims.yaml")
FEW_NAMES = 4


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


class Statement(Record):
    """One statement of a claim, and which comparisons decide on it; see the head of the file.

    `levels` are the one of a metric without levels, each (between `from_level` and `to_level`), or
    all together. If `most` is set, more than half of the comparisons suffice. `without` is the
    finding if the data have none of them.
    """

    statement: str
    metrics: tuple[str, ...] = ()
    compare: tuple[tuple[tuple[str, ...], tuple[str, ...] | Literal["others"]], ...] = ()
    levels: Literal["one", "each", "over all"] = "one"
    from_level: int = 0
    to_level: int = 10**9
    rule: str = ""
    judged_by: str = ""
    most: bool = False
    test: str = ""
    remark: str = ""
    remark_by: str = ""
    without: str = "The data have no such comparison"


def declared_claims() -> dict[str, tuple[Statement, ...]]:
    """Return the statements of each claim by its text."""
    claims: dict[str, tuple[Statement, ...]] = {}
    declared: list[dict[str, Any]] = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))["claims"]
    for claim in declared:
        text, statements = claim.pop("claim"), claim.pop("statements")
        claims[text] = tuple(Statement.model_validate(claim | one) for one in statements)
    return claims


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


def judge_statement(
    declared: Statement, test: str, evidence: Sequence[Contrast], rule: Rule
) -> JudgedStatement:
    """Judge a statement by comparisons.

    It is supported if all comparisons agree, or most of them if that is enough. It is not supported
    if the undecided comparisons could not change that. Otherwise, and without any comparison, it is
    inconclusive.
    """
    if not evidence:
        return inconclusive(declared, declared.without)
    holds = tuple(map(rule, evidence))
    return JudgedStatement(
        statement=declared.statement,
        verdict=_verdict(holds, MOST if declared.most else 1.0),
        test=test,
        finding=_finding(evidence, holds),
        evidence=tuple(evidence),
        holds=holds,
        remark=declared.remark,
    )


def _verdict(holds: Sequence[bool | None], least_share: float) -> ClaimVerdict:
    def suffice(agreeing: int) -> bool:
        return agreeing > least_share * len(holds) or agreeing == len(holds)

    if suffice(holds.count(True)):
        return ClaimVerdict.SUPPORTED
    undecided = suffice(len(holds) - holds.count(False))
    return ClaimVerdict.INCONCLUSIVE if undecided else ClaimVerdict.NOT_SUPPORTED


def inconclusive(
    declared: Statement, finding: str, evidence: Sequence[Contrast] = ()
) -> JudgedStatement:
    """Return a statement that the data cannot decide, with the reason."""
    return JudgedStatement(
        statement=declared.statement,
        verdict=ClaimVerdict.INCONCLUSIVE,
        test="none",
        finding=finding,
        evidence=tuple(evidence),
        remark=declared.remark,
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
