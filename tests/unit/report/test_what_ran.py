# SPDX-License-Identifier: Apache-2.0
"""What ran, what did not, and why; how many deployments sequential sampling took."""

from datetime import datetime, timedelta

import pytest

from builders import interim_look
from featherbench.records.plan import StoppingRule
from featherbench.records.stopping_decisions import Reason, look_file
from featherbench.report.inputs import read
from featherbench.report.page import render
from featherbench.report.what_ran import (
    NOT_DECIDED,
    UNAVAILABLE,
    State,
    cell_outcomes,
    stopping_table,
    wall_time,
)

RULE = StoppingRule(precision=0.02, least=8, most=12, budget_s=None)


def a_look(platform, **levels):
    return interim_look(9, RULE, platform=platform, spent_s=90, **levels)


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
    heads = [heading for heading, _ in table.columns]
    rows = [dict(zip(heads, row, strict=True)) for row in table.rows]
    first, second, third = rows[:3]
    assert (first["deployments"], first["valid windows"]) == ("8", "24")
    assert (first["interval, ±"], first["time"]) == ("1.23 %", "1 min 30 s")
    assert first["why it stopped"] == "narrow enough"
    assert (second["interval, ±"], second["why it stopped"]) == ("—", NOT_DECIDED)
    assert third["why it stopped"] == Reason.BUDGET.value

    reasons = {row[0]: row[-1] for row in table.rows[4:]}
    assert reasons == {"docker-native+host": NOT_DECIDED, "linux-kvm": UNAVAILABLE}
    fixed = plan.model_copy(update={"workloads": plan.workloads[1:]})
    assert stopping_table(fixed, ()) == stopping_table(None, ()) == ()


def test_only_requested_cells_are_missing(make, plan, tmp_path):
    make.run(tmp_path, plan=plan)
    for look in LOOKS:
        look.write(look_file(tmp_path / "stopping", look.platform, look.workload, 8))
    inputs = read(tmp_path)
    requested = {cell for cell in inputs.plan.cells() if cell[:2] == ("linux-native", "http")}
    assert max(cell[2] for cell in requested if cell[3] == "c1") == 8
    assert max(cell[2] for cell in requested if cell[3] == "c100") == 10
    page = render(inputs)
    assert "Deployments taken by sequential sampling" in page
    assert "8 to 12, until ±&nbsp;2&nbsp;%" in page
    assert "95.7 %" in page


def test_a_cells_own_failure_counts_before_that_of_its_deployment(make):
    plan = make.plan(platforms=("docker-native",), levels=(1,), deployments=1)
    failures = [
        make.failure("deploy/docker-native/http/d1"),
        make.failure("measure/docker-native/http/d1/c1"),
        make.failure("warmup/docker-native/kv/d1"),
        make.failure("deploy/docker-native/kv/d1"),
    ]
    found = {one.cell.workload: one for one in cell_outcomes(plan, [], failures)}
    assert found["http"].state is State.FAILED
    assert found["http"].failure.job == "measure/docker-native/http/d1/c1"
    assert found["kv"].state is State.NOT_REACHED
    assert found["kv"].failure.job == "warmup/docker-native/kv/d1"
    assert found["startup"].failure is None


def test_a_root_file_system_that_failed_keeps_everybody_waiting(make):
    plan = make.plan(deployments=1)
    found = cell_outcomes(plan, [], [make.failure("root_filesystem")])
    assert {one.failure.job for one in found} == {"root_filesystem"}
    assert {one.state for one in found} == {State.NOT_REACHED}


def test_a_root_file_system_that_failed_keeps_those_waiting_that_are_made_from_it(make):
    plan = make.plan(platforms=("lxd-native", "linux-native"), levels=(1,), deployments=1)
    platforms = [
        one.model_copy(
            update={"derived_root_filesystems": ("system",) if one.technology == "lxd" else ()}
        )
        for one in plan.platforms
    ]
    plan = plan.model_copy(update={"platforms": tuple(platforms)})
    found = cell_outcomes(plan, [], [make.failure("derived_root_filesystem/system")])
    waiting = {one.cell.platform for one in found if one.failure}
    assert waiting == {"lxd-native"}


def test_a_measured_cell_is_measured_whatever_failed_before(make):
    plan = make.plan(platforms=("linux-native",), levels=(1,), deployments=1)
    where = next(plan.cells())
    found = cell_outcomes(plan, [make.cell(where, [], 0)], [make.failure("root_filesystem")])
    assert found[0].state is State.MEASURED


TIMES = ("started_utc", "finished_utc")


def moved(cell, by):
    times = {name: datetime.fromisoformat(getattr(cell, name)) for name in TIMES}
    return cell.model_copy(update={name: (at + by).isoformat() for name, at in times.items()})


def test_wall_time_is_split_and_pauses_between_runs_are_left_out(make):
    where = next(make.plan().cells())
    first = make.cell(where, [], 0)
    second = moved(make.cell(where, [], 1), timedelta(seconds=3))
    next_day = moved(make.cell(where, [], 2), timedelta(days=1))
    wall = wall_time([next_day, first, second])
    assert wall["pauses_s"] == pytest.approx(86400 + 2 - 3)
    assert wall["wall_s"] == pytest.approx(3 * 20 + 5)
    parts = dict(wall["parts"])
    assert parts["between measuring jobs: deployments, warm-ups, Snakemake"] == pytest.approx(5)
    assert parts["measuring jobs: set-up"] == 4.5
    assert parts["measuring jobs: warm-up"] == 1.5
    assert sum(parts.values()) == pytest.approx(wall["wall_s"])


def test_no_cells_take_no_time():
    assert not wall_time([])
