# SPDX-License-Identifier: Apache-2.0
"""The report of the paper's published data: one self-contained HTML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd

from featherbench.plauth2017.claims.all_claims import judge_by_tukey
from featherbench.plauth2017.claims.by_tukey import Error, with_error
from featherbench.plauth2017.claims.claim import Claim, ClaimVerdict, JudgedStatement
from featherbench.plauth2017.data import experiment
from featherbench.plauth2017.data.published import REPEATED, agreements
from featherbench.plauth2017.figures import PAPERS_ENTRIES
from featherbench.report.page import numbered
from featherbench.report.table_groups import ANOVA, POSTHOC, SUMMARY, by_metric, summaries
from featherbench.report.tables import Columns, Table, bounds, figure, name, table
from featherbench.report.templates import fill
from featherbench.wording.formatting import count, p_value, ratio
from featherbench.wording.phrases import label

TEMPLATE = "paper.html.j2"
LABEL = partial(label, experiment.plan())
SUMMARIES: Columns = {
    heading: SUMMARY[heading]
    for heading in ("platform", "metric", "connections", "mean", "SD", "median", "95 % interval")
} | {"n": figure("n", count), "unit": SUMMARY["unit"], "remark": SUMMARY["remark"]}
EVIDENCE: Columns = {
    "metric": ("name", lambda row: LABEL(row["metric"])),
    "connections": figure("level", count),
    "platform": name("a"),
    "against": name("b"),
    "mean": figure("mean_a"),
    "mean of the other": figure("mean_b"),
    "unit": name("unit"),
    "ratio": figure("ratio", ratio),
    "95 % interval": bounds("ratio_low", "ratio_high"),
    "p, adjusted": figure("p", p_value),
    "agrees": name("agrees"),
}
WITHOUT_METRIC: Columns = {
    heading: column for heading, column in ANOVA.items() if heading != "metric"
}


def render(
    summary: pd.DataFrame, anova: pd.DataFrame, posthoc: pd.DataFrame, figures: Mapping[str, str]
) -> str:
    """Return the page. `figures` maps names to SVG text."""
    claims = judge_by_tukey(summary, posthoc)
    verdicts = [statement.verdict for claim in claims for statement in claim.statements]
    tested = with_error(posthoc, Error.ALL_LEVELS)
    levels_last = tested.assign(level=tested["level"].fillna(0)).sort_values("level", kind="stable")
    return fill(
        TEMPLATE,
        {
            "claims": list(zip(claims, _evidence(claims, summary, posthoc), strict=True)),
            "verdicts": {verdict.value: verdicts.count(verdict) for verdict in ClaimVerdict},
            "n_statements": len(verdicts),
            "agreements": agreements(anova, summary),
            "anova_tables": [
                table(frame, WITHOUT_METRIC, LABEL(metric))
                for metric, frame in by_metric(anova.dropna(subset=["F"]))
            ],
            # The template states once what all of these remarks would repeat.
            "summary_tables": summaries(
                summary.assign(ci_note=summary["ci_note"].mask(summary["ci_note"] == REPEATED)),
                LABEL,
                primary=True,
                columns=SUMMARIES,
            ),
            "posthoc_tables": [
                table(levels_last.loc[levels_last["metric"] == metric], POSTHOC, LABEL(metric))
                for metric in dict.fromkeys(tested["metric"])
            ],
            "illustrations": [numbered(entry, figures) for entry in PAPERS_ENTRIES],
            "label": LABEL,
        },
    )


def _evidence(
    claims: Sequence[Claim], summary: pd.DataFrame, posthoc: pd.DataFrame
) -> Iterator[list[dict[str, Any]]]:
    """Yield for each claim its statements, each with its table of comparisons, if there are any.

    `otherwise` has the same statement with other error terms that change the verdict.
    """
    by_error = {
        error: judge_by_tukey(summary, posthoc, error) for error in (Error.LEVEL, Error.PAIR)
    }
    for number, claim in enumerate(claims):
        yield [
            {
                "statement": statement,
                "table": _evidence_table(statement),
                "otherwise": [
                    (error, other)
                    for error, others in by_error.items()
                    if (other := others[number].statements[part]).verdict is not statement.verdict
                ],
            }
            for part, statement in enumerate(claim.statements)
        ]


def _evidence_table(statement: JudgedStatement) -> Table | None:
    if not statement.evidence:
        return None
    agrees = [("yes" if held else "no") for held in statement.holds]
    frame = pd.DataFrame(map(asdict, statement.evidence)).assign(
        agrees=agrees or [""] * len(statement.evidence)
    )
    return table(frame.astype({"level": float}), EVIDENCE, statement.statement)
