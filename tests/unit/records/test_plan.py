# SPDX-License-Identifier: Apache-2.0
"""The cells of a plan: available platforms, workloads, deployments and levels."""

import pytest

from builders import plan, planned_platform, planned_workload
from featherbench.records.load_point import LoadPoint
from featherbench.records.plan import CellName, StoppingRule, series_name
from featherbench.records.requirement import MissingRequirement

MISSING = MissingRequirement(what="no KVM", remedy="load kvm_intel")
RULE = StoppingRule(precision=0.02, least=8, most=12, budget_s=None)


def test_a_cell_has_a_name():
    assert str(CellName("a-native", "http", 2, LoadPoint("c100"))) == "a-native/http/d2/c100"
    assert series_name("a-native", "http", LoadPoint("c100")) == "a-native/http/c100"


def test_every_level_is_measured_in_every_deployment():
    cells = plan(planned_workload("http", levels=(1, 5), deployments=2)).cells()
    assert [(cell.deployment, cell.load_point) for cell in cells] == [
        *((1, "c1"), (1, "c5"), (2, "c1"), (2, "c5"))
    ]


def test_platforms_and_workloads_that_cannot_run_have_no_cells():
    platforms = (
        planned_platform("a-native"),
        planned_platform("b-kvm", missing_requirements=(MISSING,)),
        planned_platform("c-native", unsupported_workloads={"kv": MISSING}),
    )
    workloads = (planned_workload("http", deployments=1), planned_workload("kv", deployments=1))
    cells = plan(*workloads, platforms=platforms).cells()
    assert [(cell.platform, cell.workload) for cell in cells] == [
        *(("a-native", "http"), ("a-native", "kv"), ("c-native", "http"))
    ]


def test_requested_deployments_limit_the_cells_of_their_series():
    requested = {series_name("a-native", "http", LoadPoint("c5")): 1}
    cells = plan(planned_workload("http", levels=(1, 5)), requested=requested).cells()
    assert sum(cell.load_point == "c5" for cell in cells) == 1


def test_fixed_and_sequential_workloads_are_told_apart():
    sequential = planned_workload("http", until=RULE)
    both = plan(sequential, planned_workload("kv"), platforms=("a-native", "b-native"))
    assert [workload.name for workload in both.fixed().workloads] == ["kv"]
    assert list(both.sequential()) == [("a-native", sequential), ("b-native", sequential)]


@pytest.mark.parametrize(("budget_s", "first"), [(None, 8), (60.0, 1)])
def test_with_a_budget_the_first_look_is_after_the_first_deployment(budget_s, first):
    assert RULE.model_copy(update={"budget_s": budget_s}).first_look == first
