# SPDX-License-Identifier: Apache-2.0
"""Groups of tables (`table_groups.py`) made of text (`tables.py`)."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from featherbench.report.table_groups import (
    GROUPS,
    REMAINDER,
    phases,
    request_costs,
    shown,
    summaries,
)
from featherbench.report.tables import figure, name, table


@pytest.fixture
def shares_of(make):
    """Give the shares of a start's phases, by name as mean and number of windows."""

    def shares(*, start_s=2.0, n=9, **phases_s):
        shared = {"platform": "docker-native", "sd": 0.1, "unit": "s", "primary": False}
        rows = [shared | {"metric": "startup_time", "mean": start_s, "n": n}]
        rows += [
            shared | {"metric": f"startup_phase_{phase}", "mean": mean_s, "n": seen}
            for phase, (mean_s, seen) in phases_s.items()
        ]
        found = phases(make.tables(summary=pd.DataFrame(rows)))
        if not found:
            return {}
        headings = [heading for heading, _ in found[0].columns]
        phase, share = headings.index("phase"), headings.index("share of the start")
        return {row[phase]: row[share] for row in found[0].rows}

    return shares


@pytest.mark.parametrize(
    ("start_s", "shares"),
    [
        (1.0, {"create": "25 %", "start": "50 %", REMAINDER: "25 %"}),
        (1.9, {"create": "25 %", "start": "95 %"}),
    ],
    ids=["until the packet", "steps end after the packet"],
)
def test_phases_and_their_remainder_make_up_the_start(shares_of, start_s, shares):
    assert shares_of(create=(0.5, 9), start=(start_s, 9)) == shares


def test_if_not_every_start_reported_its_phases_the_remainder_is_not_known(shares_of):
    assert set(shares_of(create=(0.5, 8))) == {"create"}


@pytest.mark.parametrize("summary", [{}, {"create": (0.5, 0), "n": 0}])
def test_without_phases_there_is_no_table(shares_of, summary):
    assert shares_of(**summary) == {}


def test_without_tables_the_groups_say_what_is_missing(make):
    groups = shown(make.tables())
    assert [group for group, _ in groups] == [group for group in GROUPS if group.missing]
    assert not any(tables for _, tables in groups)


def test_a_column_that_is_empty_in_all_rows_is_left_out():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [math.nan, math.nan], "c": [1.5, math.nan]})
    columns = {"A": name("a"), "B": figure("b"), "C": figure("c")}
    made = table(frame, columns, "caption")
    assert [heading for heading, _ in made.columns] == ["A", "C"]
    assert made.rows == (("x", "1.5"), ("y", "—"))


@pytest.mark.parametrize(
    ("points", "heading", "cells"),
    [
        (("c1", "c100"), "connections", ("1", "100")),
        (("r1000", "r5000"), "offered requests/s", ("1,000", "5,000")),
        (("r10pc", "r50pc"), "% of the baseline's rate", ("10", "50")),
        (("c100", "r100"), "load point", ("c100", "r100")),
    ],
)
def test_levels_stand_under_what_they_count(points, heading, cells):
    levels = [int(point.strip("crp")) for point in points]
    frame = pd.DataFrame({"load_point": points, "level": levels, "mean": [1.0, 2.0]})
    shared = {"metric": "m", "unit": "us", "workload": "http", "primary": True}
    (made,) = summaries(frame.assign(**shared), str, primary=True)
    assert made.columns[0][0] == heading
    assert tuple(row[0] for row in made.rows) == cells


def costs_of(make, values, **columns):
    """Make the table of costs of these samples: deployments' values, by platform."""
    rows = [
        {"platform": platform, "deployment": number, "value": value}
        for platform, of_platform in values.items()
        for number, value in enumerate(of_platform, start=1)
    ]
    shared = {"metric": "http_cpu_per_request", "level": 100, "verdict": "ok", "primary": False}
    return request_costs(make.tables(samples=pd.DataFrame(rows).assign(**shared | columns)))


TWICE = {"linux-native": [10.0, 11.0, 12.0], "docker-native": [20.0, 22.0, 24.0]}


def test_a_request_has_its_cost_and_the_ratio_in_blocks_to_the_baselines(make):
    (made,) = costs_of(make, TWICE)
    assert [heading for heading, _ in made.columns] == ["platform", "HTTP at 100 connections"]
    assert made.rows == (
        ("linux-native", "11 us"),
        ("docker-native", "22 us, 2.00 times"),
    )
    assert "not tested" in made.caption


def test_the_interval_of_a_cost_is_over_the_ratios_of_deployments(make):
    (made,) = costs_of(make, TWICE | {"docker-native": [20.0, 22.0, 30.0]})
    low, high = np.exp(stats.t.interval(0.95, 2, *_mean_and_error(np.log([2.0, 2.0, 2.5]))))
    assert made.rows[1][1].endswith(f"times ({low:.2f} to {high:.2f})")


def _mean_and_error(values):
    return values.mean(), values.std(ddof=1) / len(values) ** 0.5


def test_an_open_loop_has_its_costs_if_there_is_no_closed_one(make):
    (made,) = costs_of(make, TWICE, metric="http_open_cpu_per_request", level=5000)
    assert made.columns[1][0] == "HTTP at 5,000 requests/s"


def test_a_cost_without_the_baselines_has_no_ratio_and_without_costs_there_is_no_table(make):
    (made,) = costs_of(make, {"docker-native": [20.0, 22.0]})
    assert made.rows == (("docker-native", "21 us"),)
    assert costs_of(make, TWICE, verdict="invalid") == []
    assert costs_of(make, TWICE, metric="http_throughput") == []
    assert request_costs(make.tables()) == []
