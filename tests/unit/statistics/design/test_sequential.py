# SPDX-License-Identifier: Apache-2.0
"""When enough deployments are measured, and why."""

import numpy as np
import pytest

from builders import load_point
from featherbench.records.cell import Verdict
from featherbench.records.plan import StoppingRule
from featherbench.records.stopping_decisions import InterimLook, InterimLookSpec, Reason
from featherbench.statistics.data.samples import samples_of as samples_of_cells
from featherbench.statistics.design.sequential import look, relative_half_width
from featherbench.statistics.summary import summarize

SPREAD = (0.99, 1.01)
"""Deployments' means in turns: a relative standard deviation of 1 %."""


def rule(**changes):
    return StoppingRule(**({"precision": 0.02, "least": 8, "most": 12, "budget_s": None} | changes))


@pytest.fixture
def cells(make):
    """Give a function that makes the cells of a level from the deployments' means."""
    (platform,) = make.plan(("linux-native",)).platforms

    def of_level(level, means, *, metrics=("http_throughput",), verdicts=()):
        kinds = dict(verdicts)
        return [
            make.cell(
                platform,
                "http",
                number,
                level,
                [
                    make.window(metric, value, verdict=kinds.get(number, Verdict.OK))
                    for metric, value in zip(metrics, np.atleast_1d(values), strict=True)
                ],
            )
            for number, values in enumerate(means, start=1)
        ]

    return of_level


def after(cells, *, deployment, levels=(1,), before=None, cost_s=10.0, **changes):
    spec = InterimLookSpec(
        platform="linux-native",
        workload="http",
        deployment=deployment,
        load_points=tuple(map(load_point, levels)),
        rule=rule(**changes),
        code="",
    )
    new = deployment - (before.deployment if before else 0)
    return look(spec, cells, [cost_s] * new, before)


def alternating(count, spread=SPREAD):
    return [100.0 * spread[number % 2] for number in range(count)]


@pytest.mark.parametrize(
    ("spread", "reason", "continuing", "requested"),
    [(SPREAD, Reason.NARROW, (), {"c1": 8}), ((0.8, 1.2), None, ("c1",), {"c1": 9})],
    ids=["narrow", "wide"],
)
def test_a_narrow_series_stops_and_a_wide_one_is_asked_for_one_more(
    cells, spread, reason, continuing, requested
):
    found = after(cells(1, alternating(8, spread)), deployment=8)
    assert found.levels[0].reason is reason
    assert found.continuing == continuing
    assert found.requested() == requested


def test_the_interval_is_the_published_one(cells):
    own = cells(1, alternating(9, (0.9, 1.1)))
    (row,) = summarize(samples_of_cells(own), {"http"}).to_dict("records")
    (series,) = after(own, deployment=9).levels[0].series
    assert series.half_width == pytest.approx(
        (row["ci_high"] - row["ci_low"]) / (row["ci_high"] + row["ci_low"])
    )


def test_before_the_least_number_nothing_is_narrow(cells):
    assert after(cells(1, [100.0] * 7), deployment=7, budget_s=1e6).continuing == ("c1",)


def test_the_maximum_holds(cells):
    wide = alternating(12, (0.5, 1.5))
    assert after(cells(1, wide), deployment=12).levels[0].reason is Reason.MOST
    assert after(cells(1, wide[:11]), deployment=11).continuing == ("c1",)


def test_a_deployment_that_would_not_fit_the_budget_is_not_begun(cells):
    wide = cells(1, alternating(8, (0.5, 1.5)))
    assert after(wide, deployment=8, budget_s=90).continuing == ("c1",)
    stopped = after(wide, deployment=8, budget_s=89)
    assert stopped.levels[0].reason is Reason.BUDGET
    assert stopped.spent_s == 80


def test_the_budget_remembers_the_longest_deployment(cells):
    wide = cells(1, alternating(9, (0.5, 1.5)))
    before = after(wide[:8], deployment=8, cost_s=20, budget_s=1000)
    assert before.longest_s == 20
    last = after(wide, deployment=9, before=before, cost_s=1, budget_s=180)
    assert (last.spent_s, last.longest_s) == (161, 20)
    assert last.levels[0].reason is Reason.BUDGET


def test_invalid_windows_do_not_count(cells):
    verdicts = {3: Verdict.INVALID}
    found = after(cells(1, alternating(8), verdicts=verdicts.items()), deployment=8)
    (series,) = found.levels[0].series
    assert (series.deployments, series.narrow) == (7, False)
    assert found.continuing == ("c1",)


def test_a_level_without_a_valid_window_goes_on_to_the_maximum(cells):
    verdicts = dict.fromkeys(range(1, 13), Verdict.INVALID).items()
    own = cells(1, [100.0] * 12, verdicts=verdicts)
    found = after(own, deployment=12)
    assert found.levels[0].series[0].half_width is None
    assert found.levels[0].reason is Reason.MOST


def test_each_level_goes_on_by_itself_and_keeps_what_it_had(cells):
    narrow, wide = cells(1, alternating(9)), cells(2, alternating(9, (0.8, 1.2)))
    first = after([*narrow[:8], *wide[:8]], deployment=8, levels=(1, 2))
    assert first.continuing == ("c2",)
    second = after(wide, deployment=9, levels=(1, 2), before=first)
    assert second.levels[0] == first.levels[0]
    assert second.requested() == {"c1": 8, "c2": 10}


def test_a_level_goes_on_until_all_its_metrics_are_narrow(cells):
    both = [(100 * a, 100 * b) for a, b in [(0.99, 0.8), (1.01, 1.2)] * 4]
    own = cells(1, both, metrics=("kv_get_throughput", "kv_set_throughput"))
    found = after(own, deployment=8)
    assert [series.narrow for series in found.levels[0].series] == [True, False]
    assert found.continuing == ("c1",)


def test_what_does_not_vary_is_narrow(cells):
    assert after(cells(1, [5.0] * 8), deployment=8).levels[0].reason is Reason.NARROW


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(9, 11, 0.1), (-11, -9, 0.1), (0, 0, 0), (-1, 1, np.inf)]
)
def test_the_half_width_is_relative(low, high, expected):
    assert relative_half_width(low, high) == pytest.approx(expected)


def test_an_interim_look_is_the_same_after_writing_and_reading(cells, tmp_path):
    found = after(cells(1, alternating(8)), deployment=8)
    found.write(tmp_path / "d8.json")
    assert InterimLook.read(tmp_path / "d8.json") == found


ONE = {"linux-native": 1.0}
DEFAULT = rule(least=10, most=30)


def test_the_interval_covers_with_sequential_stopping(nested, watched):
    """tests/benchmarks/test_promises.py has this for more noises: here, that nothing is broken."""
    found = watched(nested(platforms=ONE, metrics=3000, deployments=30), DEFAULT)
    assert 0.94 <= found.coverage() <= 0.965
    assert 10 <= found.deployments.mean() <= 30 * 0.36


def test_the_simulated_rule_is_the_one_of_the_workflow(cells, nested, watched):
    noise = {"between": 0.025, "within": 0.025, "seed": 3}
    samples = nested(platforms=ONE, metrics=6, deployments=12, **noise)
    expected = watched(samples, rule()).deployments
    assert len(set(expected)) > 2
    for (_, rows), deployments in zip(samples.groupby("metric"), expected, strict=True):
        own = cells(1, rows.groupby("deployment")["value"].mean())
        looks = (after(own[:n], deployment=n) for n in range(8, 13))
        assert next(one for one in looks if not one.continuing).deployment == deployments


def test_a_rate_and_as_many_connections_are_decided_apart(cells):
    closed = cells(100, alternating(8))
    at_rate = cells("r100", alternating(8, (0.5, 1.5)), metrics=["http_open_latency_p99"])
    decided = after([*closed, *at_rate], deployment=8, levels=(100, "r100"))
    series = {level.load_point: [one.metric for one in level.series] for level in decided.levels}
    assert series == {"c100": ["http_throughput"], "r100": ["http_open_latency_p99"]}
    assert decided.continuing == ("r100",)
