# SPDX-License-Identifier: Apache-2.0
"""The report of the paper's data: complete, self-contained, from tables."""

import re

import pandas as pd
import pytest

from featherbench.plauth2017.claims.by_tukey import papers_tests
from featherbench.plauth2017.data.published import REPLICATE, agreements
from featherbench.plauth2017.figures import PAPERS_ENTRIES
from featherbench.plauth2017.page import render
from featherbench.statistics.data.replicates import summarized
from featherbench.statistics.inference.anova import analyse
from pages import Page

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture(scope="module")
def compared(summary):
    return list(summarized(summary, REPLICATE))


@pytest.fixture(scope="module")
def anova(compared):
    return pd.concat([analyse(compared), analyse(compared, unweighted=True)])


@pytest.fixture(scope="module")
def page(summary, anova):
    return render(
        summary, anova, papers_tests(summary), {entry.name: SVG for entry in PAPERS_ENTRIES}
    )


def _text(page):
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_it_is_a_whole_page_that_loads_nothing(page):
    seen = Page(page)
    assert (seen.open, seen.misnested) == ([], [])
    assert {value[:5] for value in seen.loads} == {"data:"}
    assert "url(" not in page
    assert len(seen.ids) == len(set(seen.ids))
    for link in seen.links:
        assert link[1:] in seen.ids or link.startswith("https://doi.org/")


def test_every_claim_has_a_verdict_and_every_figure_a_place(page):
    for number in range(1, 13):
        assert f'id="claim-{number}"' in page
    for entry in PAPERS_ENTRIES:
        assert f'<figure id="{entry.name}">' in page


def test_the_difference_between_the_two_analyses_is_explained_from_the_data(page):
    text = _text(page)
    assert "HTTP throughput, F(9, 2970) 3,921 3,723.43 3,920.70 unweighted means" in text
    assert "Redis GET throughput, F(7, 7920) 4,099 4,098.99 the same either analysis" in text
    assert "mirageos-xen has 10 repetitions of each cell, the other platforms up to 30" in text
    assert "counts every mean as one of 25 repetitions, the harmonic mean of n" in text


def test_a_verdict_that_another_error_turns_is_named(page):
    text = _text(page)
    assert (
        "With the error within each level alone, the verdict is: not supported. In 8 of 10" in text
    )


def test_an_f_that_is_not_found_again_says_so(anova, summary):
    other = anova.assign(F=anova["F"] * 1.01)
    assert [one["agrees_by"] for one in agreements(other, summary)] == ["", ""]
    assert [one["agrees_by"] for one in agreements(anova, summary)] == [
        "unweighted means",
        "either analysis",
    ]
