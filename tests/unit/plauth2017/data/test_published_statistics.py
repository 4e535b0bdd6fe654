# SPDX-License-Identifier: Apache-2.0
"""The paper's tests, against its published results and against statsmodels on single values."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.sandbox.stats.multicomp import tukeyhsd
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multicomp import pairwise_tukeyhsd

from featherbench.plauth2017.data.published import REPLICATE
from featherbench.statistics.data.replicates import groups, summarized
from featherbench.statistics.inference.anova import analyse
from featherbench.statistics.inference.posthoc import (
    compare,
    compare_over_levels,
    compare_with_common_error,
)

HTTP, GET, SET = "http_throughput", "kv_get_throughput", "kv_set_throughput"
EFFECTS = {
    "platform": "C(platform)",
    "level": "C(level)",
    "platform:level": "C(platform):C(level)",
}
SATURATED = "value ~ C(platform) * C(level)"


def _of(summary, metric):
    return list(summarized(summary[summary["metric"] == metric], REPLICATE))


def _platforms(table):
    (row,) = table[table["effect"] == "platform"].to_dict("records")
    return row


@pytest.fixture(scope="module", params=[HTTP, GET, SET])
def metric(request):
    return request.param


@pytest.fixture(scope="module")
def values(raw, metric):
    return raw[raw["metric"] == metric]


@pytest.fixture(scope="module")
def fitted(values):
    return ols(SATURATED, values).fit()


def test_get_is_as_published(summary):
    row = _platforms(analyse(_of(summary, GET)))
    assert (row["df"], row["df_resid"]) == (7, 7920)
    assert round(row["F"]) == 4099
    assert row["F"] == pytest.approx(4098.99, abs=0.005)
    assert row["p"] < 0.0001


def test_http_is_as_published_by_unweighted_means_and_less_by_least_squares(summary):
    unweighted = _platforms(analyse(_of(summary, HTTP), unweighted=True))
    squares = _platforms(analyse(_of(summary, HTTP)))
    for row in (unweighted, squares):
        assert (row["df"], row["df_resid"]) == (9, 2970)
    assert round(unweighted["F"]) == 3921
    assert unweighted["F"] == pytest.approx(3920.70, abs=0.005)
    assert squares["F"] == pytest.approx(3723.43, abs=0.005)
    assert "one of 25 (harmonic mean n)" in unweighted["note"]
    assert unweighted["test"] == "two-way ANOVA of unweighted means"


def test_equal_numbers_have_no_analysis_of_unweighted_means_beside_the_other(summary):
    assert analyse(_of(summary, GET), unweighted=True).empty


def test_least_squares_as_statsmodels_has_them(summary, metric, fitted):
    ours = analyse(_of(summary, metric)).set_index("effect")
    theirs = anova_lm(fitted, typ=2)
    for name, term in EFFECTS.items():
        assert ours.loc[name, "F"] == pytest.approx(theirs.loc[term, "F"], rel=1e-6)
        assert ours.loc[name, "p"] == pytest.approx(
            theirs.loc[term, "PR(>F)"], rel=1e-6, abs=1e-300
        )
        assert ours.loc[name, "df"] == theirs.loc[term, "df"]
    assert set(ours["df_resid"]) == {fitted.df_resid}


def test_unweighted_means_as_statsmodels_has_them(summary, raw):
    """A balanced analysis of the cells' means, held against the error of the single values."""
    values = raw[raw["metric"] == HTTP]
    cells = values.groupby(["platform", "level"])["value"].agg(["mean", "size"]).reset_index()
    between = anova_lm(ols("mean ~ C(platform) + C(level)", cells).fit())
    error = ols(SATURATED, values).fit().mse_resid
    harmonic_n = len(cells) / (1 / cells["size"]).sum()
    ours = analyse(_of(summary, HTTP), unweighted=True).set_index("effect")
    names = {"C(platform)": "platform", "C(level)": "level"} | {"Residual": "platform:level"}
    for term, name in names.items():
        expected = harmonic_n * between.loc[term, "mean_sq"] / error
        assert ours.loc[name, "F"] == pytest.approx(expected, rel=1e-6)


def test_single_values_give_what_their_summary_gives(summary, metric, values):
    (published,) = _of(summary, metric)
    single = (metric, REPLICATE, groups(values))
    for test in (analyse, compare, compare_with_common_error, compare_over_levels):
        ours, theirs = test([published]), test([single])
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-6, atol=1e-9)


HELD = (1, 1000)
"""Levels that are held against statsmodels, which needs half a second for each."""


def _assert_same(ours, names, theirs, *, pvalues):
    """Compare with arrays over the pairs of sorted names, the later one less the earlier one."""
    ours = ours.set_index(["platform_a", "platform_b"])
    for place, (one, two) in enumerate((a, b) for i, a in enumerate(names) for b in names[i + 1 :]):
        sign = 1 if (two, one) in ours.index else -1
        row = ours.loc[(two, one) if sign == 1 else (one, two)]
        low, high = sorted((sign * row["ci_low"], sign * row["ci_high"]))
        scale = abs(theirs["difference"][place])
        assert sign * row["difference"] == pytest.approx(theirs["difference"][place], rel=1e-6)
        assert (low, high) == pytest.approx(theirs["interval"][place], rel=1e-6, abs=1e-6 * scale)
        assert row["p_adj"] == pytest.approx(pvalues[place], abs=1e-6)


def test_tukey_at_every_level_as_statsmodels_has_it(summary, metric, values):
    ours = compare(_of(summary, metric))
    assert set(ours["level"]) == set(values["level"])
    for level, family in values[values["level"].isin(HELD)].groupby("level"):
        theirs = pairwise_tukeyhsd(family["value"], family["platform"])
        found = {"difference": theirs.meandiffs, "interval": theirs.confint}
        mine = ours[ours["level"] == level]
        assert len(mine) == len(theirs.meandiffs)
        _assert_same(mine, list(theirs.groupsunique), found, pvalues=theirs.pvalues)


def test_tukey_over_all_levels_as_statsmodels_has_it(summary, metric, values, fitted):
    """Its low-level function takes the means, and the error of the two-way analysis."""
    ours = compare_over_levels(_of(summary, metric))
    platforms = values.groupby("platform")["value"].agg(["mean", "size"])
    theirs = tukeyhsd(
        platforms["mean"].to_numpy(),
        platforms["size"].to_numpy(),
        fitted.mse_resid,
        df=(platforms["size"] - values["level"].nunique()).to_numpy(),
        alpha=0.05,
    )
    assert theirs[6] == fitted.df_resid
    found = {"difference": theirs[2], "interval": theirs[4]}
    assert ours["level"].isna().all()
    assert len(ours) == len(theirs[2])
    _assert_same(ours, list(platforms.index), found, pvalues=np.asarray(theirs[8]))


def test_tukey_with_the_error_of_all_levels_as_statsmodels_has_it(summary, metric, values, fitted):
    ours = compare_with_common_error(_of(summary, metric))
    sizes = values.groupby("platform")["value"].size()
    freedom = (sizes - values["level"].nunique()).to_numpy()
    for level, family in values[values["level"].isin(HELD)].groupby("level"):
        cells = family.groupby("platform")["value"].agg(["mean", "size"])
        means, n = cells["mean"].to_numpy(), cells["size"].to_numpy()
        theirs = tukeyhsd(means, n, fitted.mse_resid, df=freedom, alpha=0.05)
        found = {"difference": theirs[2], "interval": theirs[4]}
        mine = ours[ours["level"] == level]
        assert len(mine) == len(theirs[2])
        _assert_same(mine, list(cells.index), found, pvalues=np.asarray(theirs[8]))


def test_over_levels_each_level_counts_alike_and_a_gap_leaves_a_platform_out():
    table = pd.DataFrame(
        [
            ("a", 1, 4, 10.0, 1.0), ("a", 2, 12, 30.0, 1.0),
            ("b", 1, 4, 11.0, 1.0), ("b", 2, 4, 33.0, 1.0),
            ("c", 1, 4, 50.0, 1.0),
        ],
        columns=["platform", "level", "n", "mean", "sd"],
    )  # fmt: skip
    (row,) = compare_over_levels([("m", "x", table)]).to_dict("records")
    assert (row["platform_a"], row["platform_b"], row["difference"]) == ("b", "a", 2.0)
    # Two platforms: Tukey's interval is the t interval, here with 23 degrees of freedom.
    error = np.sqrt((1 / 4 + 1 / 12 + 1 / 4 + 1 / 4) / 4)
    assert row["ci_high"] - 2.0 == pytest.approx(2.068658 * error, rel=1e-5)


def test_one_level_has_nothing_over_levels(summary):
    for test in (compare_over_levels, compare_with_common_error):
        assert test(_of(summary, "startup_time")).empty
