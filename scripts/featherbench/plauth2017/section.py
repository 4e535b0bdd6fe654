# SPDX-License-Identifier: Apache-2.0
"""The section "Replication of the paper" of a run's report; the report also works without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from featherbench.plauth2017.claims.claim import ClaimVerdict, claim_verdict
from featherbench.plauth2017.comparison import sentences
from featherbench.plauth2017.comparison.matched_cells import METRICS
from featherbench.plauth2017.data import experiment
from featherbench.records.plan import Plan
from featherbench.records.tables import REPLICATION
from featherbench.report.inputs import Inputs
from featherbench.report.page import Section
from featherbench.report.questions import Statement
from featherbench.report.tables import Columns, Table, figure, name, prose, table
from featherbench.wording.formatting import count, rows
from featherbench.wording.phrases import label

TABLES = REPLICATION
ANCHOR, CLAIMS_ANCHOR = "paper", "claims"
VERDICTS: Columns = {
    "claim": figure("claim", count),
    "what the paper claims, in our words": prose("text"),
    "in this run": name("here"),
    "in the paper’s data": name("in_paper"),  # noqa: RUF001 - an apostrophe
}
SETUP: Columns = {"what": name("what"), "here": prose("here"), "in the paper": prose("paper")}


def section(inputs: Inputs) -> Section:
    """Return the section, from the tables REPLICATION of the inputs."""
    compared, claims, setup = (inputs.tables[name] for name in REPLICATION)
    label_of = partial(label, _with_papers_metrics(inputs.plan))
    replication, on_claims = sentences.overall_sentence(compared), claims_sentence(claims)
    statements = [
        Statement(
            "Earlier results",
            replication or "this run has nothing that can be compared with them",
            ((ANCHOR, "replication of the paper"),),
        )
    ]
    if on_claims:
        links = ((CLAIMS_ANCHOR, "all claims"),)
        statements.append(Statement("Claims of the paper", on_claims, links))
    return Section(
        anchor=ANCHOR,
        title="Replication of the paper",
        template="replication.html.j2",
        statements=tuple(statements),
        context={
            "replication": replication,
            "metrics": sentences.metric_replications(compared, label_of),
            "not_comparable": sentences.not_comparable(compared, label_of),
            "claim_tables": verdict_tables(claims),
            "claims_sentence": on_claims,
            "claim_results": claim_results(claims),
            "setup_table": table(setup, SETUP, "Setup of this run and of the paper"),
            "equivalence_percent": f"{100 * inputs.plan.margin:g}" if inputs.plan else "?",
        },
    )


def _with_papers_metrics(plan: Plan | None) -> Plan:
    """Return the plan with the metrics that only the paper measures, under our names."""
    papers = experiment.plan()
    renamed = (
        papers_metric.model_copy(update={"name": ours})
        for ours, papers_name in METRICS.items()
        if (papers_metric := papers.metric(papers_name))
    )
    plan = plan or papers
    return plan.model_copy(update={"metrics": (*plan.metrics, *renamed)})


def verdict_tables(claims: pd.DataFrame) -> Sequence[Table]:
    """Return the one table of all claims, with the verdicts of the run and of the paper's data."""
    if claims.empty:
        return ()
    verdicts = claims.groupby(["claim", "text"], sort=False).agg(
        here=("verdict", _verdict), in_paper=("papers_verdict", _verdict)
    )
    caption = "The paper’s claims, in this run and in the paper’s data"  # noqa: RUF001
    return (table(verdicts.reset_index(), VERDICTS, caption, CLAIMS_ANCHOR),)


def _verdict(verdicts: pd.Series[str]) -> str:
    return claim_verdict([ClaimVerdict(verdict) for verdict in verdicts])


def claim_results(claims: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """Return the statements of each claim for which the run has any comparison."""
    if claims.empty:
        return []
    judged = claims[claims["comparisons"] > 0].astype({"missing": "object", "remark": "object"})
    filled = judged.fillna({"missing": "", "remark": ""})
    return [rows(statements) for _, statements in filled.groupby("claim", sort=False)]


def claims_sentence(claims: pd.DataFrame) -> str:
    """Return the summary, without a full stop; nothing if the run has no comparison."""
    if claims.empty or not claims["comparisons"].any():
        return ""
    counts = Counter(claims["verdict"])
    supported = claims["verdict"] == ClaimVerdict.SUPPORTED
    partly = int((supported & (claims["missing"].fillna("") != "")).sum())
    parts = [
        f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {verdict} by this run"
        f"{f' ({partly} as far as measured)' if partly and verdict == 'supported' else ''}"
        for verdict in (ClaimVerdict.SUPPORTED, ClaimVerdict.NOT_SUPPORTED)
        if counts[verdict]
    ]
    if n := counts[ClaimVerdict.INCONCLUSIVE]:
        parts.append(f"this run is inconclusive on {n}")
    claim_count = claims["claim"].nunique()
    return f"of {len(claims)} statements in the paper’s {claim_count} claims, {', '.join(parts)}"  # noqa: RUF001
