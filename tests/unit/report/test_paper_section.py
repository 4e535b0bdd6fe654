# SPDX-License-Identifier: Apache-2.0
"""The section on the paper (`plauth2017/section.py`) in the report of a run."""

import pandas as pd

from featherbench.plauth2017.section import claim_results, claims_sentence, verdict_tables


def judged(number, verdict, *, comparisons=1, papers="supported", **more):
    return {
        "claim": number, "text": f"claim {number}", "statement": "It is so", "verdict": verdict,
        "papers_verdict": papers, "test": "a test", "finding": "a finding", "remark": "",
        "missing": "", "comparisons": comparisons,
    } | more  # fmt: skip


TABLE = pd.DataFrame(
    [
        judged(1, "supported", missing="lxd-native", remark="A remark."),
        judged(1, "inconclusive", comparisons=0),
        judged(2, "not supported"),
        judged(3, "inconclusive", comparisons=0, papers="inconclusive"),
    ]
)


def test_each_claim_has_the_verdicts_of_the_run_and_of_the_papers_data():
    (table,) = verdict_tables(TABLE)
    assert [row[2:] for row in table.rows] == [
        ("in part: 1 supported, 1 inconclusive", "supported"),
        ("not supported", "supported"),
        ("inconclusive", "inconclusive"),
    ]


def test_only_statements_for_which_the_run_has_comparisons_are_shown():
    found = claim_results(TABLE)
    assert [[said["claim"] for said in statements] for statements in found] == [[1], [2]]
    ((said,), _) = found
    assert (said["missing"], said["remark"], said["test"]) == ("lxd-native", "A remark.", "a test")


def test_the_summary_counts_the_verdicts():
    assert claims_sentence(TABLE) == (
        "of 4 statements in the paper’s 3 claims, "  # noqa: RUF001 - an apostrophe
        "1 is supported by this run (1 as far as measured), 1 is not supported by this run, "
        "this run is inconclusive on 2"
    )
    assert claims_sentence(TABLE.assign(comparisons=0)) == ""


def test_without_a_table_there_is_no_sentence():
    nothing = pd.DataFrame()
    assert (
        claims_sentence(nothing),
        verdict_tables(nothing),
        claim_results(nothing),
    ) == ("", (), [])


def test_the_report_judges_the_claims_by_the_run(section, whole):
    text = section(whole, "paper")
    assert "12 claims, 3 are supported by this run (3 as far as measured)" in text
    assert "supported , as far as measured: Docker and LXD are slower" in text
    assert "Not in this run: lxd-native." in text
    assert "own data: supported." in text
    assert "emulated" not in text
    assert "Claims of the paper: of 42 statements" in section(whole, "questions")


def test_emulated_platforms_judge_no_claim_about_kvm(section, emulated):
    text = section(emulated, "paper")
    assert "Platforms that are emulated in software are not used to judge a claim" in text
    judged_claims = text.partition("Claim 6")[0].partition("in the paper’s data")[2]  # noqa: RUF001
    assert "linux-tcg" not in judged_claims
