# SPDX-License-Identifier: Apache-2.0
"""The report of the paper's published data: one HTML file that needs nothing but itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

from featherbench.plauth2017.claims.all_claims import judge_all
from featherbench.plauth2017.claims.by_tukey import Error, with_error
from featherbench.plauth2017.data.agreement import agreements
from featherbench.plauth2017.data.published import REPEATED
from featherbench.plauth2017.figures import PAPERS_ENTRIES
from featherbench.report import tables
from featherbench.report.page import Illustration, numbered
from featherbench.report.tables import ANOVA, POSTHOC, SUMMARY, Kind
from featherbench.report.templates import data_uri, fill
from featherbench.wording.claim_verdict import Verdict
from featherbench.wording.formatting import NOTHING, count, number, p_value, ratio
from featherbench.wording.metric_labels import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.plauth2017.claims.claim import Claim, Part
    from featherbench.report.tables import Shown, Table

TEMPLATE = "paper.html.j2"
N: Shown = {"n": (Kind.NUMBER, lambda row: count(row["n"]))}
SUMMARIES: Shown = {
    head: SUMMARY[head]
    for head in ("platform", "metric", "connections", "mean", "SD", "median", "95 % interval")
} | N | {head: SUMMARY[head] for head in ("unit", "remark")}  # fmt: skip
EVIDENCE: Shown = {
    "what": (Kind.NAME, lambda row: label(row["metric"])),
    "connections": (Kind.NUMBER, lambda row: count(row["level"])),
    "platform": (Kind.NAME, lambda row: row["a"]),
    "against": (Kind.NAME, lambda row: row["b"]),
    "mean": (Kind.NUMBER, lambda row: number(row["mean_a"])),
    "other’s": (Kind.NUMBER, lambda row: number(row["mean_b"])),  # noqa: RUF001 - an apostrophe
    "unit": (Kind.NAME, lambda row: row["unit"]),
    "ratio": (Kind.NUMBER, lambda row: ratio(row["ratio"])),
    "95 % interval": (Kind.NUMBER, lambda row: _bounds(row["ratio_low"], row["ratio_high"])),
    "p, adjusted": (Kind.NUMBER, lambda row: p_value(row["p"])),
    "agrees": (Kind.NAME, lambda row: row["agrees"]),
}


@dataclass(frozen=True, kw_only=True)
class Argued:
    """One part of a claim, with the table of its comparisons, if there are any.

    `otherwise` is the same part with another error, where that gives another verdict.
    """

    part: Part
    table: Table | None
    otherwise: tuple[tuple[Error, Part], ...]


def render(
    summary: pd.DataFrame, anova: pd.DataFrame, posthoc: pd.DataFrame, figures: Mapping[str, str]
) -> str:
    """Give the whole page. `figures` maps names to SVG text."""
    claims = judge_all(summary, posthoc)
    verdicts = [part.verdict for claim in claims for part in claim.parts]
    return fill(
        TEMPLATE,
        {
            "claims": list(zip(claims, _argued(claims, summary, posthoc), strict=True)),
            "verdicts": {verdict.name: verdicts.count(verdict) for verdict in Verdict},
            "parts": len(verdicts),
            "agreements": agreements(anova, summary),
            "anova_tables": list(_analyses(anova)),
            "summary_tables": _summaries(summary),
            "posthoc_tables": list(_pairs(posthoc)),
            "illustrations": _illustrations(figures),
            "label": label,
        },
    )


def _argued(
    claims: tuple[Claim, ...], summary: pd.DataFrame, posthoc: pd.DataFrame
) -> list[list[Argued]]:
    again = {error: judge_all(summary, posthoc, error) for error in (Error.LEVEL, Error.PAIR)}
    return [
        [
            Argued(
                part=part,
                table=_evidence(part),
                otherwise=tuple(
                    (error, other[number].parts[place])
                    for error, other in again.items()
                    if other[number].parts[place].verdict is not part.verdict
                ),
            )
            for place, part in enumerate(claim.parts)
        ]
        for number, claim in enumerate(claims)
    ]


def _evidence(part: Part) -> Table | None:
    if not part.evidence:
        return None
    agrees = [("yes" if held else "no") for held in part.holds] or [""] * len(part.evidence)
    frame = pd.DataFrame(map(asdict, part.evidence)).assign(agrees=agrees)
    return tables.table(frame.astype({"level": float}), EVIDENCE, part.statement)


def _bounds(low: float, high: float) -> str:
    return f"{ratio(low)} … {ratio(high)}" if low == low else NOTHING  # noqa: PLR0124 - NaN


def _summaries(summary: pd.DataFrame) -> list[Table]:
    said_once = summary["ci_note"].mask(summary["ci_note"] == REPEATED)
    told = summary.assign(ci_note=said_once)
    return list(tables.summaries(told, primary=True, columns=SUMMARIES))


def _analyses(anova: pd.DataFrame) -> Iterator[Table]:
    """Give a table per metric that could be tested."""
    columns = {head: how for head, how in ANOVA.items() if head != "metric"}
    for metric, frame in anova.dropna(subset=["F"]).groupby("metric", sort=False):
        yield tables.table(frame, columns, label(str(metric)))


def _pairs(posthoc: pd.DataFrame) -> Iterator[Table]:
    """Give a table per metric, the comparisons over all levels first."""
    chosen = with_error(posthoc, Error.ALL_LEVELS)
    first = chosen["concurrency"].fillna(0)
    for metric, frame in chosen.assign(first=first).groupby("metric", sort=False):
        yield tables.table(frame.sort_values("first", kind="stable"), POSTHOC, label(str(metric)))


def _illustrations(figures: Mapping[str, str]) -> list[Illustration]:
    return [
        Illustration(
            name=entry.name,
            title=numbered(entry),
            caption=entry.caption,
            source=data_uri(figures[entry.name]),
        )
        for entry in PAPERS_ENTRIES
    ]
