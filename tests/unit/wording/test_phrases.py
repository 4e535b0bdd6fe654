# SPDX-License-Identifier: Apache-2.0
import pytest

from builders import METRICS
from builders import plan as plan_of
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.wording.phrases import at_level, at_levels, axis_of, counterpart, label


@pytest.fixture(scope="module")
def plan():
    """Return a plan with the metrics of all workloads."""
    return plan_of(metrics=METRICS)


@pytest.mark.parametrize(
    ("metric", "name"),
    [("http_throughput", "HTTP throughput"), ("my_own_metric", "my own metric")],
)
def test_a_metric_has_the_label_that_its_workload_declares(plan, metric, name):
    assert label(plan, metric) == name


def test_without_a_plan_a_metric_has_its_name():
    assert label(None, "http_throughput") == "http throughput"
    assert counterpart(None, "memory_http_load") == ""


def test_memory_in_use_and_minimum_memory_of_one_service_are_counterparts(plan):
    assert counterpart(plan, "memory_kv_load") == "memory_kv_minimum"
    assert counterpart(plan, "memory_kv_minimum") == "memory_kv_load"
    assert counterpart(plan, "memory_kv_idle") == ""
    assert counterpart(plan, "http_throughput") == ""


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (["c1"], " at 1 connection"),
        (["c1", "c1000"], " at 1, 1,000 connections"),
        (["r5000"], " at 5,000 requests/s"),
        (["r1"], " at 1 requests/s"),
        (["r10pc", "r50pc"], " at 10, 50 % of the baseline's rate"),
    ],
)
def test_a_level_is_said_with_what_it_counts(points, said):
    axis = axis_of({"load_point": points[0]})
    assert at_levels([LoadPoint(point).level for point in points], axis) == said
    assert at_level(1, sweeps=False, axis=axis) == ""


@pytest.mark.parametrize("row", [{}, {"load_point": float("nan")}])
def test_a_row_without_load_point_counts_connections(row):
    assert axis_of(row) is Axis.CONNECTIONS
