# SPDX-License-Identifier: Apache-2.0
"""The paper's twelve claims, each held against its data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from featherbench.plauth2017.claims.by_tukey import ByTukey, Error
from featherbench.plauth2017.claims.footprint import image_sizes, memory
from featherbench.plauth2017.claims.http import (
    containers_cost,
    mirageos_out_of_competition,
    rumprun_against_containers,
)
from featherbench.plauth2017.claims.latency import round_trips
from featherbench.plauth2017.claims.startup import (
    faster_than_guests,
    on_demand,
    services_take_the_time,
)
from featherbench.plauth2017.claims.throughput import hypervisors, redis, unikernels_keep_up

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


def judge_all(
    summary: pd.DataFrame, posthoc: pd.DataFrame, error: Error = Error.ALL_LEVELS
) -> tuple[Claim, ...]:
    """Judge every claim, in the paper's order.

    The error of all levels, which is that of the two-way analysis, gives the paper's p.
    """
    return judged(ByTukey(summary, posthoc, error))


def judged(contrasts: Contrasts) -> tuple[Claim, ...]:
    """Judge every claim by these comparisons."""
    return tuple(claim(contrasts) for claim in CLAIMS)


def parts_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Give one row a part of a claim: its statement, verdict, test and finding."""
    return pd.DataFrame(
        {
            "claim": claim.number,
            "part": place,
            "statement": part.statement,
            "verdict": part.verdict.value,
            "test": part.test,
            "finding": part.finding,
            "remark": part.remark,
        }
        for claim in claims
        for place, part in enumerate(claim.parts, start=1)
    )


def evidence_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Give one row a comparison that a part rests on; `holds` is missing where none is tested."""
    return (
        pd.DataFrame(
            {"claim": claim.number, "part": place}
            | asdict(one)
            | {"holds": part.holds[index] if part.holds else None}
            for claim in claims
            for place, part in enumerate(claim.parts, start=1)
            for index, one in enumerate(part.evidence)
        )
        .drop(columns=["margin", "p_same"])
        .astype({"level": "Int64"})
    )
