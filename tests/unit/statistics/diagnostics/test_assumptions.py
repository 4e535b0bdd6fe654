# SPDX-License-Identifier: Apache-2.0
"""Each check finds its fault, and nothing without it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.diagnostic import acorr_ljungbox

from builders import METRICS
from featherbench.statistics.diagnostics.assumptions import READINGS, checks
from featherbench.statistics.diagnostics.screening import screen
from featherbench.statistics.diagnostics.series_tests import (
    change_point,
    running_averages,
    several_modes,
)

LARGE = {"deployments": 6, "windows": 12, "levels": (1, 100)}


def found_in(samples):
    table = checks(samples)
    return set(table.loc[table["found"], "check"])


@pytest.fixture
def steady(nested):
    return nested(**LARGE, between=0.003, within=0.03)


def distorted(samples, factor):
    return samples.assign(value=samples["value"] * factor)


def in_time(samples):
    """The place of each deployment in the run, from 0 to 1."""
    order = samples.groupby(["deployment", "platform"])["started_monotonic_s"].transform("min")
    return (order.rank(method="dense") - 1) / (order.nunique() - 1)


def averaged(samples):
    """Average the windows so far, as a log does that is read again and again."""
    groups = samples.groupby(["metric", "level", "platform", "deployment"])["value"]
    return samples.assign(value=groups.cumsum() / samples["window"])


def dependent(samples):
    """Let each window take over most of what the last one deviated by."""
    rest = samples["value"] - 1000
    smooth = rest.groupby([samples["level"], samples["platform"], samples["deployment"]])
    return samples.assign(value=1000 + smooth.transform(lambda one: one.ewm(alpha=0.3).mean()))


def of_docker(samples):
    return samples["platform"] == "docker-native"


FAULTS = {
    "equal variances": lambda s: s.assign(
        value=s["value"].where(~of_docker(s), 1000 + 8 * (s["value"] - 1000))
    ),
    "normal": lambda s: distorted(s, np.exp(8 * (s["value"] / 1000 - 1).clip(lower=0.03))),
    "independent windows": dependent,
    "deployments alike": lambda s: distorted(s, 1 + 0.04 * (s["deployment"] % 3)),
    "steady within deployments": lambda s: distorted(s, 1 - 0.08 / s["window"]),
    "no running averages": averaged,
    "one mode": lambda s: distorted(s, 1 + 0.25 * (s["window"] % 2)),
    "steady over the run": lambda s: distorted(s, 1 + 0.1 * in_time(s)),
    "no change point": lambda s: distorted(s, 1 + 0.1 * (in_time(s) > 0.4)),
    "order does not matter": lambda s: distorted(s, 1 + 0.1 * (s["position"] - 1)),
}


def in_turns(samples):
    """Let platforms take turns in going first in a block, and say who did."""
    second = of_docker(samples) ^ (samples["deployment"] % 2 == 0)
    block = samples.groupby("deployment")["started_monotonic_s"].transform("min")
    own = samples.groupby(["deployment", "platform"])["started_monotonic_s"].transform("min")
    moments_s = samples["started_monotonic_s"] - own + block + 90.0 * second
    return samples.assign(position=1 + second, started_monotonic_s=moments_s)


def test_every_check_has_a_reading_and_a_fault():
    assert set(READINGS) == set(FAULTS)


@pytest.mark.parametrize("check", FAULTS)
def test_a_check_finds_its_fault(steady, check):
    assert check in found_in(FAULTS[check](in_turns(steady)))


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_in_noise(nested, seed):
    samples = nested(**LARGE, between=0.0, within=0.03, seed=50 + seed)
    assert len(found_in(samples)) <= 1
    assert set(screen(samples, METRICS)["verdict"]) <= {"ok", "suspect"}


@pytest.mark.slow
def test_checks_seldom_cry_wolf(nested):
    alarms = pd.Series(dtype=float)
    for seed in range(30):
        found = found_in(nested(**LARGE, between=0.0, within=0.02, seed=200 + seed))
        alarms = alarms.add(pd.Series(1.0, index=sorted(found)), fill_value=0)
    assert (alarms <= 6).all(), alarms


def test_variances_are_compared_as_scipy_does(steady):
    one = steady[steady["level"] == 1]
    relative = one["value"] / one.groupby(["platform", "deployment"])["value"].transform("mean")
    groups = [own for _, own in relative.groupby(one["platform"])]
    theirs = stats.levene(*groups, center="median")
    row = checks(one).set_index("check").loc["equal variances"]
    assert (row["statistic"], row["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_windows_are_taken_for_independent_as_statsmodels_has_it(steady):
    one = steady[(steady["platform"] == "linux-native") & (steady["level"] == 1)]
    series = [own["value"] for _, own in one.groupby("deployment")]
    theirs = [acorr_ljungbox(own, lags=[1])["lb_pvalue"].iloc[0] for own in series]
    row = checks(one).set_index("check").loc["independent windows"]
    assert row["p"] == pytest.approx(stats.combine_pvalues(theirs).pvalue)


@pytest.mark.parametrize(
    ("check", "keyword"),
    [
        ("steady within deployments", "no steady state"),
        ("no running averages", "running averages"),
        ("one mode", "several modes"),
        ("steady over the run", "drift"),
        ("no change point", "change point"),
    ],
)
def test_what_is_not_steady_makes_its_windows_suspect(steady, check, keyword):
    screened = screen(FAULTS[check](in_turns(steady)), METRICS)
    assert screened["reasons"].str.contains(keyword).all()
    assert set(screened["verdict"]) == {"suspect"}


def test_only_the_platform_that_it_is_about_is_suspect(steady):
    slow_start = distorted(steady, 1 - 0.08 * of_docker(steady) / steady["window"])
    screened = screen(slow_start, METRICS)
    marked = screened[screened["reasons"].str.contains("no steady state")]
    assert set(marked["platform"]) == {"docker-native"}


def test_a_change_is_placed_where_it_is():
    rng = np.random.default_rng(3)
    values = np.r_[rng.normal(0, 1, 9), rng.normal(6, 1, 7)]
    before, _, p = change_point(values)
    assert before == 9
    assert p < 0.01


@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential", "lognormal"])
def test_one_mode_of_any_shape_passes(draw):
    rng = np.random.default_rng(7)
    found = [several_modes(getattr(rng, draw)(size=40))[1] < 0.05 for _ in range(200)]
    assert np.mean(found) <= 0.09


def test_few_values_tell_nothing():
    assert np.isnan(several_modes(np.arange(5.0))[1])
    assert np.isnan(change_point(np.arange(5.0))[2])
    assert np.isnan(running_averages(np.ones((3, 4)))[1])


def test_no_samples_give_an_empty_table(steady):
    assert checks(steady.iloc[:0]).empty
    assert screen(steady.iloc[:0], METRICS).empty
