# SPDX-License-Identifier: Apache-2.0
"""The paper's twelve claims (`resources/plauth2017/claims.yaml`), judged by a data set."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pandas as pd

from featherbench.plauth2017.claims.by_tukey import ByTukey, Error
from featherbench.plauth2017.claims.claim import (
    MOST,
    Claim,
    JudgedStatement,
    Statement,
    declared_claims,
    inconclusive,
    judge_statement,
)
from featherbench.plauth2017.claims.computed import JUDGES, REMARKS
from featherbench.plauth2017.claims.pairwise import OVER_ALL, Contrast, Contrasts
from featherbench.plauth2017.claims.rules import ALIKE, MUCH, STEP_MIB, rules
from featherbench.statistics.conventions import SIGNIFICANT_P

WORDS = {
    "p": SIGNIFICANT_P,
    "much": f"{1 / MUCH:g}",
    "alike": f"{1 / ALIKE:.2f} to {ALIKE:.2f}",
    "most": f"{MOST:.0%}",
    "step": STEP_MIB,
}
"""What the tests in `claims.yaml` may use beside the terms of the data set."""


def judge_by_tukey(
    summary: pd.DataFrame, posthoc: pd.DataFrame, error: Error = Error.ALL_LEVELS
) -> tuple[Claim, ...]:
    """Judge every claim by the paper's test, in the paper's order.

    The error of all levels, which is that of the two-way analysis, gives the paper's p-values.
    """
    return judge_claims(ByTukey(summary, posthoc, error))


def judge_claims(contrasts: Contrasts) -> tuple[Claim, ...]:
    """Judge every claim by some comparisons, in the paper's order."""
    return tuple(
        Claim(
            number=number,
            text=text,
            statements=tuple(_judged(statement, contrasts) for statement in statements),
        )
        for number, (text, statements) in enumerate(declared_claims().items(), start=1)
    )


def _judged(declared: Statement, contrasts: Contrasts) -> JudgedStatement:
    evidence = list(_evidence(declared, contrasts))
    if declared.judged_by:
        return JUDGES[declared.judged_by](contrasts, declared, evidence)
    if declared.remark_by:
        remark = REMARKS[declared.remark_by](contrasts, declared, evidence)
        declared = declared.model_copy(update={"remark": remark})
    if not declared.rule:
        return inconclusive(declared, declared.without)
    test = declared.test.format(**contrasts.terms, very=contrasts.very, **WORDS)
    return judge_statement(declared, test, evidence, rules(contrasts.very)[declared.rule])


def _evidence(declared: Statement, contrasts: Contrasts) -> Iterator[Contrast]:
    for metric in declared.metrics:
        each: list[int | None] = [
            level
            for level in contrasts.levels(metric)
            if declared.from_level <= level <= declared.to_level
        ]
        levels: dict[str, list[int | None]] = {"each": each, "one": [1], "over all": [OVER_ALL]}
        for platforms, against in declared.compare:
            others = [name for name in contrasts.platforms(metric) if name not in platforms]
            bases = others if against == "others" else against
            yield from contrasts.each(metric, platforms, bases, levels[declared.levels])


def statements_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Return one row for each statement: its verdict, test and result."""
    return pd.DataFrame(
        {
            "claim": claim.number,
            "part": part,
            "statement": statement.statement,
            "verdict": statement.verdict.value,
            "test": statement.test,
            "finding": statement.finding,
            "remark": statement.remark,
        }
        for claim in claims
        for part, statement in enumerate(claim.statements, start=1)
    )


def evidence_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Return one row for each comparison of a statement; `holds` is missing if none is tested."""
    return (
        pd.DataFrame(
            {"claim": claim.number, "part": part}
            | asdict(contrast)
            | {"holds": statement.holds[index] if statement.holds else None}
            for claim in claims
            for part, statement in enumerate(claim.statements, start=1)
            for index, contrast in enumerate(statement.evidence)
        )
        .drop(columns=["margin", "p_equivalence"])
        .astype({"level": "Int64"})
    )
