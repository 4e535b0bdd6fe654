# SPDX-License-Identifier: Apache-2.0
"""The paper's claims, judged on the run's own data, in sentences.

See `plauth2017/comparison/claims_on_run.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from featherbench.report.tables import Kind, table, text_of
from featherbench.wording.claim_verdict import Verdict, tally
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from featherbench.report.tables import Shown, Table

VERDICTS: Shown = {
    "claim": (Kind.NUMBER, lambda row: str(row["claim"])),
    "what the paper claims, in our words": (Kind.PROSE, text_of("text")),
    "here": (Kind.NAME, text_of("here")),
    "in its own data": (Kind.NAME, text_of("there")),
}
ANCHOR = "claims"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a claim: what the run says of it, and how that was found.

    `missing` is what the paper compares for it, and the run has not.
    """

    statement: str
    verdict: str
    papers_verdict: str
    finding: str
    remark: str
    test: str
    missing: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """One claim, and the statements that the run has any comparison for."""

    number: int
    text: str
    statements: tuple[Statement, ...]


def verdicts(judged: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of all claims, what the run says of them and what the paper's data say."""
    if judged.empty:
        return ()
    claims = judged.groupby(["claim", "text"], sort=False)
    found = claims.agg(here=("verdict", _said), there=("papers_verdict", _said)).reset_index()
    return (table(found, VERDICTS, "The paper’s claims, here and in its own data", ANCHOR),)  # noqa: RUF001


def _said(verdicts: pd.Series[str]) -> str:
    return tally([Verdict(verdict) for verdict in verdicts])


def held(judged: pd.DataFrame) -> Sequence[Held]:
    """Give the claims that the run says anything of."""
    claims: dict[tuple[int, str], list[Statement]] = {}
    for row in rows(judged[judged["comparisons"] > 0]) if len(judged) else ():
        claims.setdefault((row["claim"], row["text"]), []).append(_statement(row))
    return [
        Held(number=number, text=text, statements=tuple(statements))
        for (number, text), statements in claims.items()
    ]


def _statement(row: dict[str, Any]) -> Statement:
    spelt = {name: value if isinstance(value, str) else "" for name, value in row.items()}
    return Statement(**{field.name: spelt[field.name] for field in fields(Statement)})


def _present(texts: pd.Series[str]) -> pd.Series[bool]:
    return texts.fillna("") != ""


def whole(judged: pd.DataFrame) -> str:
    """Sum up, without a full stop; nothing where no statement can be held against anything."""
    if judged.empty or not judged["comparisons"].any():
        return ""
    counts = Counter(judged["verdict"])
    partly = int(((judged["verdict"] == Verdict.BORNE_OUT) & _present(judged["missing"])).sum())
    told = ", ".join(
        f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {verdict} here"
        f"{f' ({partly} as far as measured)' if partly and verdict is Verdict.BORNE_OUT else ''}"
        for verdict in Verdict
        if counts[verdict]
    )
    claims = f"the paper’s {judged['claim'].nunique()} claims"  # noqa: RUF001 - an apostrophe
    return f"of {len(judged)} statements in {claims}, {told}"
