# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from datetime import timedelta

import pandas as pd
import pytest

from featherbench.records.cell import Verdict
from featherbench.report.cell_status import State, outcomes, state_counts
from featherbench.report.setup import tuning_in_force
from featherbench.report.suspect_windows import Judged, doubts, judged, verdict_counts
from featherbench.report.walltime import account
from featherbench.wording import formatting
from featherbench.wording.metric_labels import label


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        (1234567.0, "1,235,000"),
        (47612.3, "47,610"),
        (999.96, "1,000"),
        (123.456, "123.5"),
        (18.2, "18.2"),
        (100.0, "100"),
        (0.234567, "0.2346"),
        (0.00012345, "0.0001234"),
        (0.0000123, "1.230e-05"),
        (-52.128, "-52.13"),
        (0.0, "0"),
        (math.nan, "—"),
        (math.inf, "—"),
        (None, "—"),
    ],
)
def test_numbers_have_four_digits(value, spelt):
    assert formatting.number(value) == spelt


@pytest.mark.parametrize(
    ("value", "spelt"),
    [(0.00001, "< 0.0001"), (0.04321, "0.0432"), (1.0, "1"), (math.nan, "—")],
)
def test_p_values(value, spelt):
    assert formatting.p_value(value) == spelt


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        (1.0, "1.00"),
        (0.7249, "0.72"),
        (34.12, "34.1"),
        (0.0312, "0.0312"),
        (1234.5, "1,234"),
        (81_008_600.8, "81,010,000"),
    ],
)
def test_ratios(value, spelt):
    assert formatting.ratio(value) == spelt


@pytest.mark.parametrize(
    ("value", "spelt"),
    [(0.0583, "0.0583 s"), (59.0, "59 s"), (61.0, "1 min 1 s"), (7260.0, "2 h 1 min")],
)
def test_durations(value, spelt):
    assert formatting.duration(value) == spelt


@pytest.mark.parametrize(
    ("value", "spelt"),
    [(0, "0 B"), (2048, "2 KiB"), (18874368, "18 MiB"), (5 << 30, "5 GiB"), (None, "—")],
)
def test_sizes(value, spelt):
    assert formatting.size(value) == spelt


def test_a_size_never_rounds_up_to_a_whole_of_the_next_unit_unseen():
    assert formatting.size(1024**3 - 1) == "1,020 MiB"


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("http_throughput", "HTTP throughput"),
        ("image_size_kv", "image size of kv"),
        ("memory_http_load", "memory of http under load"),
        ("my_own_metric", "my own metric"),
    ],
)
def test_labels(metric, name):
    assert label(metric) == name


def window(**given):
    return Judged(
        **{
            "platform": "linux-native",
            "workload": "http",
            "metric": "http_throughput",
            "concurrency": 1,
            "deployment": 1,
            "window": 1,
            "value": 1.0,
            "unit": "requests/s",
            "verdict": Verdict.SUSPECT,
            "reasons": (),
        }
        | given
    )


def test_reasons_that_differ_in_numbers_are_one_and_invalid_ones_come_first():
    found = doubts(
        [
            window(reasons=("steal 1.2 %", "the client is saturated")),
            window(reasons=("steal 3.4 %",)),
            window(verdict=Verdict.INVALID, reasons=("12 requests failed",)),
            window(verdict=Verdict.OK),
        ]
    )
    assert [(d.verdict.value, d.reason, len(d.windows)) for d in found] == [
        ("invalid", "12 requests failed", 1),
        ("suspect", "steal … %", 2),
        ("suspect", "the client is saturated", 1),
    ]


def test_a_window_without_a_reason_is_not_lost():
    (found,) = doubts([window(reasons=())])
    assert found.reason == "no reason was recorded"


def test_without_samples_the_cells_windows_are_judged(make):
    plan = make.plan(deployments=1)
    cell = make.cell(next(plan.cells()), [], 0)
    assert judged(pd.DataFrame(), [cell]) == ()
    assert verdict_counts([window(), window(verdict=Verdict.OK)]) == {
        "ok": 1,
        "suspect": 1,
        "invalid": 0,
    }


def test_a_cells_own_failure_counts_before_that_of_its_deployment(make):
    plan = make.plan(platforms=("docker-native",), levels=(1,), deployments=1)
    failures = [
        make.failure("deploy/docker-native/http/d1"),
        make.failure("measure/docker-native/http/d1/c1"),
        make.failure("warmup/docker-native/kv/d1"),
        make.failure("deploy/docker-native/kv/d1"),
    ]
    found = {one.workload: one for one in outcomes(plan, [], failures)}
    assert found["http"].state is State.FAILED
    assert found["http"].failure.job == "measure/docker-native/http/d1/c1"
    assert found["kv"].state is State.NOT_REACHED
    assert found["kv"].failure.job == "warmup/docker-native/kv/d1"
    assert found["startup"].failure is None


def test_a_root_file_system_that_failed_keeps_everybody_waiting(make):
    plan = make.plan(deployments=1)
    found = outcomes(plan, [], [make.failure("root_filesystem")])
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
    found = outcomes(plan, [], [make.failure("derived_root_filesystem/system")])
    waiting = {one.platform for one in found if one.failure}
    assert waiting == {"lxd-native"}


def test_a_measured_cell_is_measured_whatever_failed_before(make):
    plan = make.plan(platforms=("linux-native",), levels=(1,), deployments=1)
    where = next(plan.cells())
    found = outcomes(plan, [make.cell(where, [], 0)], [make.failure("root_filesystem")])
    assert found[0].state is State.MEASURED


def moved(cell, by):
    shift = {
        key: (make_time(getattr(cell, key)) + by).isoformat()
        for key in ("started_utc", "finished_utc")
    }
    return cell.model_copy(update=shift)


def make_time(utc):
    return pd.Timestamp(utc).to_pydatetime()


def test_wall_time_is_split_and_pauses_between_runs_are_left_out(make):
    where = next(make.plan().cells())
    first = make.cell(where, [], 0)
    second = moved(make.cell(where, [], 1), timedelta(seconds=3))
    next_day = moved(make.cell(where, [], 2), timedelta(days=1))
    wall = account([next_day, first, second])
    assert wall.pauses_s == pytest.approx(86400 + 2 - 3)
    assert wall.wall_s == pytest.approx(3 * 20 + 5)
    assert wall.between_s == pytest.approx(5)
    assert wall.overhead_s == {"set-up": 4.5, "warm-up": 1.5}
    assert sum(spent for _, spent in wall.parts) == pytest.approx(wall.wall_s)


def test_no_cells_take_no_time():
    assert account([]) is None


def cells_with(make, tunings):
    """Make cells by platform and workload, each with the tuning that was read back."""
    return [
        make.cell((platform, workload, 1, 1), [], 0).model_copy(update={"tuning": tuning})
        for (platform, workload), tuning in tunings.items()
    ]


def test_one_tuning_for_all_is_told_with_its_platforms_alone(make):
    both = {(name, "http"): {"nofile": "1"} for name in ("linux-native", "docker-native")}
    assert tuning_in_force(cells_with(make, both)) == [
        ("linux-native, docker-native", "nofile: '1'\n")
    ]


def test_of_the_levels_connections_the_most_are_told_once(make):
    cells = [
        make.cell(("linux-native", "http", deployment, level), [], 0).model_copy(
            update={"tuning": {"nofile": "1", "open connections": f"{level + 8}"}}
        )
        for deployment in (1, 2)
        for level in (1000, 1, 200)
    ]
    assert tuning_in_force(cells) == [("linux-native", "nofile: '1'\nopen connections: '1008'\n")]


def test_tunings_that_differ_between_workloads_say_which_they_are_of(make):
    platforms = ("linux-native", "docker-native")
    served = {(name, service): {"nofile": "1"} for name in platforms for service in ("kv", "http")}
    pinged = {("linux-native", "latency"): {}}
    only = {("docker-native", "latency"): {"nofile": "1"}}
    found = tuning_in_force(cells_with(make, served | pinged | only))
    assert [names for names, _ in found] == [
        "linux-native under http, kv; docker-native under http, kv, latency",
        "linux-native under latency",
    ]
