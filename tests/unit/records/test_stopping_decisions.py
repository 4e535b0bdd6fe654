# SPDX-License-Identifier: Apache-2.0
"""Which cells a run has asked for, as the looks on disk tell."""

from __future__ import annotations

import pytest

from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload, StoppingRule
from featherbench.records.stopping_decisions import (
    InterimLook,
    LevelDecision,
    Reason,
    look_file,
    with_requested_cells,
)

RULE = StoppingRule(precision=0.02, least=8, most=12, budget_s=None)


@pytest.fixture
def plan():
    named = {
        "hypervisor": "native",
        "network": "host",
        "virtualized": False,
        "missing_requirements": (),
    }
    workload = {"windows": 1, "settings": {}}
    return Plan(
        config_file="c.yaml",
        config={},
        baseline="a-native",
        seed=1,
        platforms=(
            PlannedPlatform(name="a-native", technology="a", image_owner="a", **named),
            PlannedPlatform(name="b-native", technology="b", image_owner="b", **named),
        ),
        workloads=(
            PlannedWorkload(name="http", levels=(1, 2), deployments=12, until=RULE, **workload),
            PlannedWorkload(name="startup", levels=(1,), deployments=3, **workload),
        ),
    )


def write_look(folder, deployment, **levels):
    """Levels are given as deployments and reason."""
    InterimLook(
        platform="a-native",
        workload="http",
        deployment=deployment,
        rule=RULE,
        spent_s=1,
        longest_s=1,
        levels=tuple(
            LevelDecision(
                concurrency=int(name[1:]), deployments=number, spent_s=1, series=(), reason=reason
            )
            for name, (number, reason) in levels.items()
        ),
    ).write(look_file(folder, "a-native", "http", deployment))


def asked(plan, folder):
    found = {}
    for platform, workload, deployment, level in with_requested_cells(plan, folder).cells():
        found[platform, workload, level] = deployment
    return found


def test_at_first_the_least_number_is_asked_for_and_fixed_workloads_whole(plan, tmp_path):
    assert asked(plan, tmp_path) == {
        **{(name, "http", level): 8 for name in ("a-native", "b-native") for level in (1, 2)},
        **{(name, "startup", 1): 3 for name in ("a-native", "b-native")},
    }


def test_what_goes_on_is_asked_for_once_more(plan, tmp_path):
    write_look(tmp_path, 8, c1=(8, Reason.NARROW), c2=(8, None))
    found = asked(plan, tmp_path)
    assert (found["a-native", "http", 1], found["a-native", "http", 2]) == (8, 9)
    assert found["b-native", "http", 2] == 8


def test_a_look_of_an_earlier_run_beyond_the_last_is_not_read(plan, tmp_path):
    write_look(tmp_path, 8, c1=(8, Reason.NARROW), c2=(8, Reason.NARROW))
    write_look(tmp_path, 9, c1=(8, Reason.NARROW), c2=(9, None))
    assert asked(plan, tmp_path)["a-native", "http", 2] == 8


def test_the_plan_itself_holds_the_most(plan):
    assert sum(cell[1] == "http" for cell in plan.cells()) == 2 * 2 * 12
    assert {cell[1] for cell in plan.fixed().cells()} == {"startup"}


def test_with_a_budget_the_first_look_is_after_the_first_deployment():
    assert RULE.first_look == 8
    assert RULE.model_copy(update={"budget_s": 60.0}).first_look == 1
