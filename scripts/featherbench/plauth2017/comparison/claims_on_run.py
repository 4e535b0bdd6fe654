# SPDX-License-Identifier: Apache-2.0
"""The paper's claims held against a run's own data, beside what the paper's data say of them.

Both are judged by the same code. Emulated platforms are none of the paper's, and what was set up
otherwise cannot be compared. What the paper did not measure of a platform is left out as well: its
claims are not about that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from featherbench.plauth2017.claims.all_claims import judge_all, judged
from featherbench.plauth2017.claims.by_pairs import Paired
from featherbench.plauth2017.claims.http import HTTP
from featherbench.plauth2017.claims.platform_groups import CONTAINERS, UNTRANSLATED
from featherbench.plauth2017.comparison.name_mapping import (
    METRICS,
    WORKLOAD_OF,
    papers_name,
    platform_otherwise,
    workload_otherwise,
)
from featherbench.plauth2017.data.published import REPLICATE
from featherbench.report.sentences.comparisons import doubt
from featherbench.statistics.data.replicates import summarized
from featherbench.statistics.inference.tukey import (
    compare,
    compare_over_levels,
    compare_with_common_error,
)
from featherbench.wording.metric_labels import label
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from featherbench.plauth2017.claims.claim import Claim, Part
    from featherbench.records.plan import Plan

COLUMNS = [
    "claim",
    "text",
    "statement",
    "verdict",
    "papers_verdict",
    "test",
    "finding",
    "remark",
    "missing",
    "comparisons",
]
SIZES = ("image_size_http", "image_size_kv")
"""Of two images the claims are held against that which more platforms have."""


def own_claims(
    plan: Plan, samples: pd.DataFrame, ratios: pd.DataFrame, published: pd.DataFrame
) -> pd.DataFrame:
    """Judge every statement of every claim, into a frame of COLUMNS.

    `comparisons` counts those of the run that a statement rests on; `missing` names what the paper
    compares for it, and the run has not.
    """
    in_papers_words = _translation(plan, samples, published)
    run = Paired(in_papers_words(samples), in_papers_words(ratios), plan.margin)
    theirs = judge_all(published, _papers_tests(published))
    found = [
        _row(claim, part, papers_part, run)
        for claim, papers in zip(judged(run), theirs, strict=True)
        for part, papers_part in zip(claim.parts, papers.parts, strict=True)
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _translation(
    plan: Plan, samples: pd.DataFrame, published: pd.DataFrame
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Give what names a table's platforms and metrics as the paper does, and leaves out others."""
    platforms = dict(_platforms(plan))
    metrics = _metrics(plan, samples[samples["platform"].isin(list(platforms))])
    theirs = {*published[["metric", "platform"]].itertuples(index=False, name=None)}
    theirs |= {(HTTP, name + UNTRANSLATED) for name in CONTAINERS}

    def translated(table: pd.DataFrame) -> pd.DataFrame:
        roles = [name for name in ("platform", "baseline") if name in table.columns]
        named = table.assign(
            metric=table["metric"].map(metrics),
            **{role: table[role].map(platforms) for role in roles},
        )
        known = (all((row["metric"], row[role]) in theirs for role in roles) for row in rows(named))
        return named[np.fromiter(known, bool, len(named))].reset_index(drop=True)

    return translated


def _platforms(plan: Plan) -> Iterator[tuple[str, str]]:
    """Give our name and the paper's of its platforms, and of its containers without translation."""
    for one in plan.platforms:
        name = f"{one.technology}-{one.hypervisor}"
        if any(platform_otherwise(plan, one)):
            continue
        if papers_name(one):
            yield one.name, papers_name(one)
        elif name in CONTAINERS and one.network == UNTRANSLATED.removeprefix("+"):
            yield one.name, name + UNTRANSLATED


def _metrics(plan: Plan, samples: pd.DataFrame) -> dict[str, str]:
    """Give our name and the paper's of its metrics; of the two image sizes, one."""
    having = samples.groupby("metric")["platform"].nunique()
    size = max(SIZES, key=lambda metric: having.get(metric, 0))
    return {
        ours: papers
        for ours, papers in METRICS.items()
        if ours not in set(SIZES) - {size} and not any(workload_otherwise(plan, WORKLOAD_OF[ours]))
    }


def _papers_tests(published: pd.DataFrame) -> pd.DataFrame:
    compared = list(summarized(published, REPLICATE))
    ways = (compare, compare_with_common_error, compare_over_levels)
    return pd.concat([way(compared) for way in ways], ignore_index=True)


def _row(claim: Claim, part: Part, papers_part: Part, run: Paired) -> dict[str, Any]:
    return {
        "claim": claim.number,
        "text": claim.text,
        "statement": part.statement,
        "verdict": part.verdict.value,
        "papers_verdict": papers_part.verdict.value,
        "test": part.test,
        "finding": part.finding + doubt(sum(map(run.suspect, part.evidence))),
        "remark": part.remark,
        "missing": ", ".join(_missing(part, papers_part, run)),
        "comparisons": len(part.evidence),
    }


def _missing(part: Part, papers_part: Part, run: Paired) -> Iterator[str]:
    """Name the platforms that the paper compares, and the run has not; else the levels."""
    theirs = [(one.metric, name) for one in papers_part.evidence for name in (one.a, one.b)]
    metrics = {metric for metric, _ in theirs}
    absent: dict[str, list[str]] = {}
    for metric, name in dict.fromkeys(theirs):
        if name not in run.platforms(metric):
            absent.setdefault(name, []).append(label(metric))
    for name, places in absent.items():
        yield name if len(places) == len(metrics) else f"{name} in {' and '.join(places)}"
    if not (absent or part.evidence):
        levels = sorted({one.level for one in papers_part.evidence if one.level is not None})
        yield from [f"{levels[0]:,} to {levels[-1]:,} connections"] if levels else []
