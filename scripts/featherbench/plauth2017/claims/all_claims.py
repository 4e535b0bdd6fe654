# SPDX-License-Identifier: Apache-2.0
"""The paper's twelve claims, judged by a data set."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from featherbench.plauth2017.claims.by_tukey import ByTukey, Error
from featherbench.plauth2017.claims.footprint import image_sizes, memory
from featherbench.plauth2017.claims.startup import (
    faster_than_guests,
    on_demand,
    round_trips,
    services_take_the_time,
)
from featherbench.plauth2017.claims.throughput import (
    containers_cost,
    hypervisors,
    mirageos_out_of_competition,
    redis,
    rumprun_against_containers,
    unikernels_keep_up,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.plauth2017.claims.claim import Claim
    from featherbench.plauth2017.claims.pairwise import Contrasts

CLAIMS = (
    faster_than_guests,
    services_take_the_time,
    image_sizes,
    round_trips,
    hypervisors,
    containers_cost,
    rumprun_against_containers,
    mirageos_out_of_competition,
    memory,
    redis,
    on_demand,
    unikernels_keep_up,
)


def judge_by_tukey(
    summary: pd.DataFrame, posthoc: pd.DataFrame, error: Error = Error.ALL_LEVELS
) -> tuple[Claim, ...]:
    """Judge every claim by the paper's test, in the paper's order.

    The error of all levels, which is that of the two-way analysis, gives the paper's p-values.
    """
    return judge_claims(ByTukey(summary, posthoc, error))


def judge_claims(contrasts: Contrasts) -> tuple[Claim, ...]:
    """Judge every claim by some comparisons, in the paper's order."""
    return tuple(claim(contrasts) for claim in CLAIMS)


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
