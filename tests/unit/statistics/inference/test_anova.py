# SPDX-License-Identifier: Apache-2.0
"""The analysis of variance, and the tests at each level, as statsmodels and scipy have them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.oneway import anova_oneway

from featherbench.statistics.data.replicates import comparisons, groups
from featherbench.statistics.data.samples import valid
from featherbench.statistics.inference.anova import (
    COLUMNS,
    KRUSKAL,
    LEVEL_COLUMNS,
    WELCH,
    analyse,
    effects,
    levels,
    welch,
)
from featherbench.statistics.inference.posthoc import games_howell

EFFECTS = {
    "platform": "C(platform)",
    "level": "C(level)",
    "platform:level": "C(platform):C(level)",
}


def anova(samples):
    return analyse(comparisons(samples))


def _table(frame):
    return pd.DataFrame(effects(groups(frame))).set_index("effect")


def _http(study):
    return valid(study.samples[study.samples["metric"] == "http_throughput"])


def test_unbalanced_designs_as_statsmodels_has_them(two):
    frame = _http(two).sample(frac=0.7, random_state=3)
    model = ols("value ~ C(platform) * C(level)", frame).fit()
    theirs, ours = anova_lm(model, typ=2), _table(frame)
    for name, term in EFFECTS.items():
        assert ours.loc[name, "F"] == pytest.approx(theirs.loc[term, "F"], rel=1e-6)
        assert ours.loc[name, "p"] == pytest.approx(theirs.loc[term, "PR(>F)"], rel=1e-6)
        assert ours.loc[name, "df"] == theirs.loc[term, "df"]
    assert set(ours["df_resid"]) == {model.df_resid}
    assert "unbalanced" in ours["note"].iloc[0]


def test_one_level_is_a_one_way_analysis(two):
    frame = _http(two)
    frame = frame[frame["level"] == 100]
    theirs = anova_lm(ols("value ~ C(platform)", frame).fit())
    ours = _table(frame)
    assert list(ours.index) == ["platform"]
    assert ours.loc["platform", "F"] == pytest.approx(theirs.loc["C(platform)", "F"])


def test_means_and_deviations_are_enough_for_the_papers_table():
    """Montgomery's battery data: material x temperature, four values a cell."""
    cells = {
        ("1", 15): (130, 155, 74, 180),
        ("1", 70): (34, 40, 80, 75),
        ("1", 125): (20, 70, 82, 58),
        ("2", 15): (150, 188, 159, 126),
        ("2", 70): (136, 122, 106, 115),
        ("2", 125): (25, 70, 58, 45),
        ("3", 15): (138, 110, 168, 160),
        ("3", 70): (174, 120, 150, 139),
        ("3", 125): (96, 104, 82, 60),
    }
    table = pd.DataFrame(
        [(m, t, 4, np.mean(v), np.std(v, ddof=1)) for (m, t), v in cells.items()],
        columns=["platform", "level", "n", "mean", "sd"],
    )
    found = pd.DataFrame(effects(table)).set_index("effect")
    assert list(found["F"]) == pytest.approx([7.91, 28.97, 3.56], abs=0.005)
    assert list(found["df"]) == [2, 2, 4]
    assert set(found["df_resid"]) == {27}


def test_effect_sizes_are_shares_of_the_variation(two):
    found = _table(_http(two))
    expected = found["F"] * found["df"] / (found["F"] * found["df"] + found["df_resid"])
    assert list(found["partial_eta_squared"]) == pytest.approx(list(expected))
    assert (found["partial_omega_squared"] < found["partial_eta_squared"]).all()


def test_a_combination_that_is_missing_is_named_and_costs_its_degree_of_freedom(two):
    frame = _http(two)
    gone = (frame["platform"] == "docker-native") & (frame["level"] == 1000)
    found = _table(frame[~gone])
    assert found.loc["platform:level", "df"] == 9
    assert "1 combinations" in found["note"].iloc[0]
    assert np.isfinite(found["F"]).all()


def test_both_kinds_of_replicate_are_named(two):
    table = anova(two.samples)
    assert list(table.columns) == COLUMNS
    http = table[(table["metric"] == "http_throughput") & (table["effect"] == "platform")]
    assert list(http["test"]) == ["two-way ANOVA"] * 2
    assert list(http["replicate"]) == ["window", "deployment"]
    assert list(http["df_resid"]) == [len(_http(two)) - 22, 66 - 22]


@pytest.mark.parametrize(
    ("metric", "pick", "reason"),
    [
        ("image_size_http", lambda s: s, "no variation"),
        ("http_throughput", lambda s: s[s["platform"] == "linux-native"], "fewer than two"),
        ("http_throughput", lambda s: s.query("window == 1 == deployment"), "no replication"),
        ("http_throughput", lambda s: s.assign(verdict="invalid"), "fewer than two"),
    ],
)
def test_what_cannot_be_computed_says_why(two, metric, pick, reason):
    samples = two.samples
    table = anova(pick(samples[samples["metric"] == metric]))
    assert len(table) >= 2
    assert table["F"].isna().all()
    assert table["p"].isna().all()
    assert table["note"].str.contains(reason).all()


def test_rounding_is_no_variation():
    table = pd.DataFrame(
        [("a", 1, 3, 2256.231, 4e-13), ("b", 1, 3, 3.074219, 0.0)],
        columns=["platform", "level", "n", "mean", "sd"],
    )
    (row,) = effects(table)
    assert "no variation" in row["note"]
    assert "F" not in row


def row_of(table, level, test):
    (row,) = table[(table["level"] == level) & (table["test"] == test)].to_dict("records")
    return row


def test_welchs_is_as_statsmodels_has_it_on_single_values(unequal, deployments):
    theirs = anova_oneway(list(deployments(unequal, 100).values()), use_var="unequal")
    row = row_of(levels(unequal), 100, WELCH)
    assert (row["statistic"], row["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (row["df"], row["df_resid"]) == pytest.approx((theirs.df_num, theirs.df_denom))


def test_two_platforms_give_welchs_t_test(nested, deployments):
    samples = nested(deployments=5, between=(0.01, 0.1))
    theirs = stats.ttest_ind(*deployments(samples, 100).values(), equal_var=False)
    row = row_of(levels(samples), 100, WELCH)
    assert row["statistic"] == pytest.approx(theirs.statistic**2)
    assert row["p"] == row["p_adj"] == pytest.approx(theirs.pvalue)


def test_the_rank_test_is_scipys(unequal, deployments):
    theirs = stats.kruskal(*deployments(unequal, 1).values())
    row = row_of(levels(unequal), 1, KRUSKAL)
    assert (row["statistic"], row["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_levels_are_a_family(unequal):
    table = levels(unequal)
    assert list(table.columns) == LEVEL_COLUMNS
    own = table[table["test"] == WELCH].sort_values("p")
    assert own["p_adj"].iloc[0] == pytest.approx(min(1, 2 * own["p"].iloc[0]))


def test_what_does_not_vary_says_so(nested):
    three = {"linux-native": 1.0, "docker-native": 0.97, "lxd-native": 1.01}
    table = levels(nested(platforms=three, between=(0.1, 0, 0.1), within=(0.1, 0, 0.1)))
    assert row_of(table, 100, WELCH)["note"] == "no variation of docker-native"
    assert row_of(table, 100, KRUSKAL)["note"] == ""
    alone = levels(nested(platforms={"linux-native": 1.0}))
    assert set(alone["note"]) == {"fewer than two platforms with valid windows"}


def test_the_papers_http_is_compared_with_its_unequal_variances(repository):
    """At 600 connections standard deviations run from 60 to 9,655."""
    data = pd.read_csv(repository / "resources/plauth2017/http_throughput.csv")
    names = {f"{name}_requests_per_second": name for name in ("mean", "sd")}
    here = data[(data["concurrency"] == 600)].rename(columns={**names, "concurrency": "level"})
    here["platform"] = here["technology"] + "-" + here["host"]
    assert here["sd"].max() / here["sd"].min() > 100
    assert welch(here)["p"] < 1e-12
    table = games_howell([("http_throughput", "window", here)])
    assert np.isfinite(table["p_adj"]).all()
    known = table.set_index(["platform_a", "platform_b"])["p_adj"].to_dict()
    pairs = {frozenset(pair): p for pair, p in known.items()}
    assert pairs[frozenset({"rumprun-kvm", "docker-kvm"})] < 0.0001  # its claim 7
