# SPDX-License-Identifier: Apache-2.0
"""Which cells a run has requested, from the interim looks on disk."""

import pytest

import builders
from featherbench.records.plan import StoppingRule
from featherbench.records.stopping_decisions import Reason, look_file, with_requested_cells

RULE = StoppingRule(precision=0.02, least=8, most=12, budget_s=None)


@pytest.fixture
def plan():
    return builders.plan(
        builders.planned_workload("http", levels=(1, 2), deployments=12, until=RULE),
        builders.planned_workload("startup"),
        platforms=("a-native", "b-native"),
    )


def write_look(folder, deployment, **levels):
    look = builders.interim_look(deployment, RULE, **levels)
    look.write(look_file(folder, look.platform, look.workload, deployment))


def requested(plan, folder):
    """The number of deployments of each series."""
    cells = with_requested_cells(plan, folder).cells()
    return {
        (cell.platform, cell.workload, cell.load_point.level): cell.deployment for cell in cells
    }


def test_at_first_the_least_number_is_requested_and_fixed_workloads_completely(plan, tmp_path):
    assert requested(plan, tmp_path) == {
        **{(name, "http", level): 8 for name in ("a-native", "b-native") for level in (1, 2)},
        **{(name, "startup", 1): 3 for name in ("a-native", "b-native")},
    }


def test_a_level_that_continues_gets_one_more_deployment(plan, tmp_path):
    write_look(tmp_path, 8, c1=(8, Reason.NARROW), c2=(8, None))
    deployments = requested(plan, tmp_path)
    assert (deployments["a-native", "http", 1], deployments["a-native", "http", 2]) == (8, 9)
    assert deployments["b-native", "http", 2] == 8


def test_a_look_of_an_earlier_run_beyond_the_last_is_not_read(plan, tmp_path):
    write_look(tmp_path, 8, c1=(8, Reason.NARROW), c2=(8, Reason.NARROW))
    write_look(tmp_path, 9, c1=(8, Reason.NARROW), c2=(9, None))
    assert requested(plan, tmp_path)["a-native", "http", 2] == 8


def test_the_plan_itself_holds_the_most(plan):
    assert sum(cell[1] == "http" for cell in plan.cells()) == 2 * 2 * 12
    assert {cell[1] for cell in plan.fixed().cells()} == {"startup"}
