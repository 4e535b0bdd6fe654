# SPDX-License-Identifier: Apache-2.0
import pytest

from builders import METRICS
from builders import plan as plan_of
from featherbench.wording.phrases import counterpart, label


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
