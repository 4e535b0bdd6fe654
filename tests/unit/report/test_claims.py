# SPDX-License-Identifier: Apache-2.0
"""The paper's claims in the report of a run."""

from __future__ import annotations

import re

import pandas as pd

from featherbench.report import paper_claims
from featherbench.report.inputs import read
from featherbench.report.page import render


def judged(number, verdict, *, comparisons=1, papers="borne out", **more):
    return {
        "claim": number, "text": f"claim {number}", "statement": "It is so", "verdict": verdict,
        "papers_verdict": papers, "test": "a test", "finding": "a finding", "remark": "",
        "missing": "", "comparisons": comparisons,
    } | more  # fmt: skip


TABLE = pd.DataFrame(
    [
        judged(1, "borne out", missing="lxd-native", remark="A remark."),
        judged(1, "not decidable", comparisons=0),
        judged(2, "not borne out"),
        judged(3, "not decidable", comparisons=0, papers="not decidable"),
    ]
)


def test_each_claim_has_what_the_run_and_what_the_papers_data_say():
    (table,) = paper_claims.verdicts(TABLE)
    assert [row[2:] for row in table.rows] == [
        ("in part: 1 borne out, 1 not decidable", "borne out"),
        ("not borne out", "borne out"),
        ("not decidable", "not decidable"),
    ]


def test_only_statements_that_the_run_has_comparisons_for_are_argued():
    found = paper_claims.held(TABLE)
    assert [(one.number, len(one.statements)) for one in found] == [(1, 1), (2, 1)]
    (said,) = found[0].statements
    assert (said.missing, said.remark, said.test) == ("lxd-native", "A remark.", "a test")


def test_the_whole_is_counted():
    assert paper_claims.whole(TABLE) == (
        "of 4 statements in the paper’s 3 claims, "  # noqa: RUF001 - an apostrophe
        "1 is borne out here (1 as far as measured), 1 is not borne out here, "
        "2 are not decidable here"
    )
    assert paper_claims.whole(TABLE.assign(comparisons=0)) == ""


def test_without_a_table_nothing_is_said():
    nothing = pd.DataFrame()
    assert (
        paper_claims.whole(nothing),
        paper_claims.verdicts(nothing),
        paper_claims.held(nothing),
    ) == ("", (), [])


def section(sources, name):
    inside = render(read(sources)).partition(f'<section id="{name}"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", inside).split())


def test_the_report_holds_the_claims_against_the_run(whole):
    text = section(whole, "paper")
    assert "12 claims, 3 are borne out here (3 as far as measured)" in text
    assert "borne out here, as far as measured: Docker and LXD are slower" in text
    assert "Without lxd-native." in text
    assert "own data: borne out." in text
    assert "emulated" not in text
    assert "claims: of 42 statements" in section(whole, "questions")


def test_the_report_of_an_emulated_run_judges_no_claim_about_kvm_by_it(emulated):
    text = section(emulated, "paper")
    assert "Nothing that is emulated in software is set against a claim" in text
    judged = text.partition("Claim 6")[0].partition("its own data")[2]
    assert "linux-tcg" not in judged
