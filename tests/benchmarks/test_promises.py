# SPDX-License-Identifier: Apache-2.0
"""What the analysis promises, held against simulated runs: docs/statistics.md has the figures."""

import pandas as pd
import pytest

from featherbench.report.conclusions import Reading, comparisons
from featherbench.statistics import bootstrap
from featherbench.statistics.ratios import ratios
from featherbench.statistics.screening import screen

BASE = "linux-native"
DEFAULT_LEVELS = (1, 16, 64, 256)
CLAIMS = {Reading.LOWER, Reading.HIGHER}
RUNS = 200
FAMILIES = 4_000
"""Simulated metrics: the standard error of a rate of 5 % is 0.3 %."""


def exponential(rng, size):
    return rng.exponential(size=size) - 1


SIZES = {
    "default": {"deployments": 3, "windows": 3},
    "five deployments": {"deployments": 5, "windows": 3},
    "ten deployments": {"deployments": 10, "windows": 1},
    "thirty deployments": {"deployments": 30, "windows": 1},
}
NOISES = {
    "alike": {},
    "one platform varies four times as much": {"between": (0.02, 0.08), "within": (0.02, 0.08)},
    "skewed": {"noise": exponential},
}


def coverage(table, kind, truth):
    return (table[f"{kind}_low"].le(truth) & table[f"{kind}_high"].ge(truth)).mean()


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("size", SIZES)
def test_intervals_cover(nested, capsys, size, noise):
    platforms = {BASE: 1.0, "docker-native": 0.8}
    given = SIZES[size] | NOISES[noise] | {"metrics": FAMILIES, "platforms": platforms}
    table = ratios(nested(**given), BASE, 0.05, seed=1)
    own, resampled = (coverage(table, kind, 0.8) for kind in ("ci", "boot"))
    with capsys.disabled():
        print(f"\n{size}, {noise}: coverage {own:.1%}, by bootstrap {resampled:.1%}")  # noqa: T201 - the figure is the purpose
    assert 0.94 <= own <= 0.96


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_identical_platforms_seldom_differ(nested, capsys, monkeypatch, size, shared):
    """All levels of a metric, corrected and read as the report does; and single comparisons."""
    monkeypatch.setattr(bootstrap, "REPLICATES", 40)  # no claim rests on it: to save time
    same = {"metrics": FAMILIES, "levels": DEFAULT_LEVELS, "shared": shared}
    table = ratios(nested(**SIZES[size], **same), BASE, 0.05, seed=1)
    read = pd.Series([one.reading in CLAIMS for one in comparisons([], table, BASE)])
    false = read.groupby(table["metric"]).any().mean()
    single = table["p"].lt(0.05).mean()
    luck = "the same luck at all levels" if shared else "luck of its own at each level"
    with capsys.disabled():
        print(  # noqa: T201 - the figure is the purpose
            f"\n{size}, {luck}: false positives {false:.1%} of metrics, {single:.1%} of comparisons"
        )
    assert false <= 0.06
    assert shared or false >= 0.04
    assert 0.04 <= single <= 0.06


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("size", SIZES)
def test_a_steady_run_is_seldom_suspected(nested, capsys, size):
    runs = (
        screen(nested(**SIZES[size], metrics=6, levels=DEFAULT_LEVELS, seed=seed))
        for seed in range(RUNS)
    )
    alarms = sum(bool((run["verdict"] != "ok").any()) for run in runs) / RUNS
    with capsys.disabled():
        print(f"\n{size}: {alarms:.1%} of steady runs have a suspect window")  # noqa: T201 - the figure is the purpose
    assert alarms <= 0.06
