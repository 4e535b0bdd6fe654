# SPDX-License-Identifier: Apache-2.0
"""What all workloads declare: metrics (records.cell) and nominal durations."""

import pytest

from builders import planned_platform
from featherbench import registry
from featherbench.config.loading import validate
from featherbench.measuring import window
from featherbench.measuring.window import Collector
from featherbench.planning.plan import make_plan
from featherbench.planning.resolve import resolve
from featherbench.records.cell import Metric

WORKLOADS = ("capacity", "http", "image_size", "kv", "latency", "memory", "startup")


def plan_of(*workloads):
    content = {
        "platforms": ["linux-native"],
        "baseline": "linux-native",
        "workloads": {name: {} for name in workloads},
    }
    return make_plan(resolve(validate(content, file="c.yaml"), file="c.yaml"))


def metrics_of(name, **settings):
    workload = registry.load("workloads", name)
    return workload.metrics(workload.Settings.model_validate(settings))


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_declares_each_metric_once(name):
    metrics = metrics_of(name)
    assert len({metric.name for metric in metrics}) == len(metrics) > 0


@pytest.mark.parametrize(
    ("workload", "metric", "label"),
    [
        ("http", "http_throughput", "HTTP throughput"),
        ("http", "http_latency_p50", "http latency p50"),
        ("kv", "kv_get_throughput", "Redis GET throughput"),
        ("capacity", "http_capacity", "HTTP capacity at p99 of 5 ms"),
        ("startup", "startup_time", "startup time"),
        ("latency", "round_trip_time", "network round-trip time"),
        ("image_size", "image_size_kv", "image size of kv"),
        ("memory", "memory_http_load", "memory of http under load"),
        ("memory", "memory_kv_minimum", "minimum memory that suffices for kv"),
        ("memory", "memory_http_load_anonymous", "memory http load anonymous"),
    ],
)
def test_a_metric_has_its_label_in_sentences(workload, metric, label):
    labels = {declared.name: declared.label for declared in metrics_of(workload)}
    assert labels[metric] == label


def test_kv_declares_the_metrics_of_its_operations_only():
    names = {metric.name for metric in metrics_of("kv", operations=("SET",))}
    assert "kv_set_throughput" in names
    assert not any(name.startswith("kv_get") for name in names)


def test_the_plan_has_the_metrics_of_its_workloads():
    plan = plan_of("http", "startup")
    throughput = plan.metric("http_throughput")
    assert (throughput.unit, throughput.better, throughput.panel) == (
        "requests/s",
        "higher",
        "HTTP",
    )
    assert plan.metric("kv_get_throughput") is None


def test_the_plan_has_the_metrics_of_collectors_for_all_windows(monkeypatch):
    energy = Metric(name="energy", service="", aspect="energy", unit="J", better="lower")
    collector = type("Energy", (Collector,), {"metrics": (energy,)})
    monkeypatch.setattr(window, "COLLECTORS", (collector,))
    assert plan_of("startup").metric("energy") == energy


def test_a_phase_that_a_technology_names_is_a_metric_of_the_plan():
    plan = plan_of("startup")
    phase = plan.metric("startup_phase_kernel_boot")
    assert (phase.name, phase.statistic) == ("startup_phase_kernel_boot", "kernel_boot")
    assert phase.label == "startup phase kernel boot"


@pytest.mark.parametrize(
    ("platform", "workload", "factor"),
    [
        ({}, "memory", 1),
        ({"virtualized": True}, "http", 3),
        ({"virtualized": True, "emulated": True}, "http", 15),
        ({"virtualized": True, "emulated": True, "fixed_memory": True}, "startup", 15),
        ({"virtualized": True, "emulated": True, "fixed_memory": True}, "memory", 150),
    ],
)
def test_a_guests_cell_is_expected_to_take_longer_and_a_search_much_longer(
    platform, workload, factor
):
    driver = registry.load("workloads", workload)
    native_s, expected_s = (
        driver.nominal_duration_s(driver.Settings(), 2, planned_platform(**changes))
        for changes in ({}, platform)
    )
    assert expected_s == pytest.approx(factor * native_s)
