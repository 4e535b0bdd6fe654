# SPDX-License-Identifier: Apache-2.0
"""The paper's claims judged by the data of a run, next to the verdicts of the paper's data.

The same code judges both. Emulated platforms, and platforms with another setup than the paper's,
are left out, and so are metrics that the paper did not measure of a platform.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from featherbench.plauth2017.claims.all_claims import judge_by_tukey, judge_claims
from featherbench.plauth2017.claims.by_pairs import ByPairs
from featherbench.plauth2017.claims.by_tukey import tukeys_tests
from featherbench.plauth2017.claims.claim import Claim, JudgedStatement
from featherbench.plauth2017.claims.pairwise import CONTAINERS, UNTRANSLATED
from featherbench.plauth2017.comparison import matched_cells
from featherbench.plauth2017.data import experiment
from featherbench.records.plan import Plan
from featherbench.wording.phrases import label, suspect_note

COLUMNS = [
    *("claim", "text", "statement", "verdict", "papers_verdict", "test", "finding", "remark"),
    *("missing", "comparisons"),
]
SIZES = ("image_size_http", "image_size_kv")
"""The claims are judged by the one of the two images that more platforms have."""


def own_claims(
    plan: Plan, samples: pd.DataFrame, ratios: pd.DataFrame, published: pd.DataFrame
) -> pd.DataFrame:
    """Judge every statement of every claim; return a frame of COLUMNS.

    `comparisons` is the number of comparisons of the run behind a statement; `missing` lists what
    the paper compares for it and the run does not have.
    """
    with_papers_names = _translation(plan, samples, published)
    run = ByPairs(with_papers_names(samples), with_papers_names(ratios), plan.margin)
    papers_claims = judge_by_tukey(published, tukeys_tests(published))
    table = [
        _row(claim, statement, papers_statement, run)
        for claim, papers_claim in zip(judge_claims(run), papers_claims, strict=True)
        for statement, papers_statement in zip(
            claim.statements, papers_claim.statements, strict=True
        )
    ]
    return pd.DataFrame(table, columns=COLUMNS)


def _translation(
    plan: Plan, samples: pd.DataFrame, published: pd.DataFrame
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that gives a table the paper's names and drops what the paper lacks."""
    platforms = dict(_platforms(plan))
    metrics = _metrics(plan, samples[samples["platform"].isin(list(platforms))])
    papers_cells = [
        *published[["metric", "platform"]].itertuples(index=False, name=None),
        *(("http_throughput", name + UNTRANSLATED) for name in CONTAINERS),
    ]

    def translated(table: pd.DataFrame) -> pd.DataFrame:
        table = table.assign(metric=table["metric"].map(metrics))
        for role in ("platform", "baseline"):
            if role in table:
                table = table.assign(**{role: table[role].map(platforms)})
                table = table[pd.MultiIndex.from_frame(table[["metric", role]]).isin(papers_cells)]
        return table.reset_index(drop=True)

    return translated


def _platforms(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield our name and the paper's of its platforms, and of its containers without NAT."""
    for platform in plan.platforms:
        name = f"{platform.technology}-{platform.hypervisor}"
        if any(matched_cells.platform_differences(plan, platform)):
            continue
        if matched_cells.papers_name(platform):
            yield platform.name, matched_cells.papers_name(platform)
        elif name in CONTAINERS and platform.network == UNTRANSLATED.removeprefix("+"):
            yield platform.name, name + UNTRANSLATED


def _metrics(plan: Plan, samples: pd.DataFrame) -> dict[str, str]:
    """Return the paper's names of its metrics by our names, with one of the two image sizes."""
    n_platforms = samples.groupby("metric")["platform"].nunique()
    size = max(SIZES, key=lambda metric: n_platforms.get(metric, 0))
    return {
        ours: papers
        for ours, papers in matched_cells.METRICS.items()
        if (ours == size or ours not in SIZES)
        and not any(matched_cells.workload_differences(plan, matched_cells.WORKLOAD_OF[ours]))
    }


def _row(
    claim: Claim, statement: JudgedStatement, papers_statement: JudgedStatement, run: ByPairs
) -> dict[str, Any]:
    suspect = suspect_note(sum(map(run.suspect, statement.evidence)))
    return {
        "claim": claim.number,
        "text": claim.text,
        "statement": statement.statement,
        "verdict": statement.verdict.value,
        "papers_verdict": papers_statement.verdict.value,
        "test": statement.test,
        "finding": statement.finding + suspect,
        "remark": statement.remark,
        "missing": ", ".join(_missing(statement, papers_statement, run)),
        "comparisons": len(statement.evidence),
    }


def _missing(
    statement: JudgedStatement, papers_statement: JudgedStatement, run: ByPairs
) -> Iterator[str]:
    """Yield the platforms that the paper compares and the run lacks, otherwise the levels."""
    compared = [
        (contrast.metric, name)
        for contrast in papers_statement.evidence
        for name in (contrast.a, contrast.b)
    ]
    metrics = {metric for metric, _ in compared}
    absent: dict[str, list[str]] = {}
    for metric, name in dict.fromkeys(compared):
        if name not in run.platforms(metric):
            absent.setdefault(name, []).append(label(experiment.plan(), metric))
    for name, labels in absent.items():
        yield name if len(labels) == len(metrics) else f"{name} in {' and '.join(labels)}"
    if not (absent or statement.evidence):
        levels = sorted({it.level for it in papers_statement.evidence if it.level is not None})
        yield from [f"{levels[0]:,} to {levels[-1]:,} connections"] if levels else []
