# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from featherbench.report.cell_status import State, cell_outcomes, state_counts


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
    assert state_counts(found) == {
        State.MEASURED: 0,
        State.FAILED: 0,
        State.NOT_REACHED: len(found),
    }


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
