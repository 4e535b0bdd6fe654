# SPDX-License-Identifier: Apache-2.0
"""The table of sequential sampling: how many deployments, and why it stopped."""

from __future__ import annotations

import pytest

from featherbench.records.plan import StoppingRule
from featherbench.records.stopping_decisions import (
    InterimLook,
    LevelDecision,
    Reason,
    SeriesPrecision,
    look_file,
)
from featherbench.report.inputs import read
from featherbench.report.page import render
from featherbench.report.sequential import NOT_DECIDED, UNAVAILABLE, stopping_table

RULE = StoppingRule(precision=0.02, least=8, most=12, budget_s=None)


def a_look(platform, **levels):
    """Levels are given as deployments, reason and half width."""
    return InterimLook(
        platform=platform,
        workload="http",
        deployment=9,
        rule=RULE,
        spent_s=200,
        longest_s=20,
        levels=tuple(
            LevelDecision(
                concurrency=int(name[1:]),
                deployments=number,
                spent_s=90,
                series=(
                    SeriesPrecision(
                        metric="http_throughput",
                        deployments=number,
                        windows=3 * number,
                        half_width=half_width,
                        narrow=reason is Reason.NARROW,
                    ),
                ),
                reason=reason,
            )
            for name, (number, reason, half_width) in levels.items()
        ),
    )


@pytest.fixture
def plan(make):
    plan = make.plan(levels=(1, 100), deployments=12)
    http = plan.workloads[0].model_copy(update={"until": RULE})
    return plan.model_copy(update={"workloads": (http, *plan.workloads[1:])})


LOOKS = (
    a_look("linux-native", c1=(8, Reason.NARROW, 0.0123), c100=(9, None, None)),
    a_look("docker-native", c1=(9, Reason.BUDGET, 0.3), c100=(9, Reason.BUDGET, 0.4)),
)


def test_each_series_says_how_many_it_took_and_why_it_stopped(plan):
    (table,) = stopping_table(plan, LOOKS)
    heads = [column.heading for column in table.columns]
    rows = [dict(zip(heads, row, strict=True)) for row in table.rows]
    first, second, third = rows[:3]
    assert (first["deployments"], first["valid windows"]) == ("8", "24")
    assert (first["interval, ±"], first["time"]) == ("1.23 %", "1 min 30 s")
    assert first["why it stopped"] == "narrow enough"
    assert (second["interval, ±"], second["why it stopped"]) == ("—", NOT_DECIDED)
    assert third["why it stopped"] == Reason.BUDGET.value


def test_a_platform_without_interim_look_is_a_row_with_its_reason(plan):
    (table,) = stopping_table(plan, LOOKS)
    reasons = {row[0]: row[-1] for row in table.rows[4:]}
    assert reasons == {"docker-native+host": NOT_DECIDED, "linux-kvm": UNAVAILABLE}


def test_with_fixed_numbers_there_is_no_table(make):
    assert stopping_table(make.plan(), ()) == ()
    assert stopping_table(None, ()) == ()


def test_only_requested_cells_are_missing(make, plan, tmp_path):
    make.run(tmp_path, plan=plan)
    for look in LOOKS:
        look.write(look_file(tmp_path / "stopping", look.platform, look.workload, 8))
    inputs = read(tmp_path)
    requested = {cell for cell in inputs.plan.cells() if cell[:2] == ("linux-native", "http")}
    assert max(cell[2] for cell in requested if cell[3] == 1) == 8
    assert max(cell[2] for cell in requested if cell[3] == 100) == 10
    page = render(inputs)
    assert "Deployments taken by sequential sampling" in page
    assert "8 to 12, until ±&nbsp;2&nbsp;%" in page
    assert "95.7 %" in page
