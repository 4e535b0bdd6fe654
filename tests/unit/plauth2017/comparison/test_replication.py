# SPDX-License-Identifier: Apache-2.0
"""The replication, `plauth2017/comparison/matched_cells.py`, `plauth2017/comparison/setup.py`."""

import numpy as np
import pandas as pd
import pytest

from featherbench.plauth2017.comparison import replication
from featherbench.plauth2017.data.experiment import PLATFORMS
from featherbench.records.plan import MissingRequirement
from featherbench.statistics.data.samples import per_stratum
from featherbench.statistics.inference.ratios import ratios
from featherbench.statistics.replication import replication_verdicts
from featherbench.statistics.summary import summarize

NOT_COMPARED = "cannot be compared"


def change(plan, which, **more):
    """Give the plan with one of its platforms changed."""
    others = [one.model_copy(update=more) if one.name == which else one for one in plan.platforms]
    return plan.model_copy(update={"platforms": tuple(others)})


def of_workload(plan, name, **more):
    found = [one.model_copy(update=more) if one.name == name else one for one in plan.workloads]
    return plan.model_copy(update={"workloads": tuple(found)})


def beside(plan, run, summary):
    table = ratios(run, plan.baseline, plan.margin, seed=1)
    return replication.compare(plan, run, summarize(run), table, summary)


@pytest.fixture(scope="session")
def compared(plan, run, summary):
    return beside(plan, run, summary)


def few(run, *names, metric="http_throughput", level=100):
    """Keep the samples of some platforms, at one level of one metric."""
    at = (run["metric"] == metric) & (run["level"] == level)
    return run[at & run["platform"].isin(names)]


def gaps(table):
    told = table[table["size"] == NOT_COMPARED].fillna({"metric": "", "platform": ""})
    assert (told["order"] == NOT_COMPARED).all()
    return {(row.metric, row.platform): row.reason for row in told.itertuples()}


def test_the_papers_data_agree_with_themselves(compared):
    assert list(compared.columns) == replication.COLUMNS
    found = compared[compared["size"] != NOT_COMPARED]
    assert not {"differs"} & {*found["size"], *found["order"]}
    assert (found["size"] == "agrees").mean() > 0.9
    assert (found["order"] == "agrees").mean() > 0.8
    pd.testing.assert_series_equal(found["rank"], found["papers_rank"], check_names=False)
    certain = found[found["size"] == "agrees"]
    np.testing.assert_allclose(certain["quotient"], 1, atol=0.13)


def test_every_pair_of_the_paper_is_compared(compared, summary):
    found = compared[compared["size"] != NOT_COMPARED]
    by_metric = found.groupby("metric").size()
    positive = summary[(summary["mean"] > 0) & (summary["metric"] == "http_throughput")]
    n = positive.groupby("level").size()
    assert by_metric["http_throughput"] == (n * (n - 1) / 2).sum()
    assert by_metric["startup_time"] == by_metric["image_size_kv"] == 8 * 7 / 2
    assert by_metric["memory_http_load"] == 1
    assert by_metric["memory_http_minimum"] == 5 * 4 / 2


def test_what_the_paper_cannot_be_compared_in_with_itself(compared):
    found = gaps(compared)
    assert found.pop(("http_throughput", "mirageos-xen")) == "the published mean is 0"
    assert set(found) == {("memory_http_minimum", ""), ("memory_kv_minimum", "")}
    assert "two here, so that there is no ratio" in found["memory_kv_minimum", ""]


def test_the_very_same_tables_have_quotients_of_1(summary):
    own = replication.published_ratios(summary[summary["mean"] > 0], list(PLATFORMS))
    told = replication_verdicts(own, own, replication.MARGIN)
    np.testing.assert_allclose(told["quotient"], 1)
    assert set(told["size"]) <= {"agrees", "inconclusive"}
    assert set(told["order"]) <= {"agrees", "inconclusive"}
    assert set(told.loc[told["order"] == "inconclusive", "reason"]) == {
        "inconclusive in both studies"
    }


def test_published_intervals_of_ratios_are_fiellers_and_p_is_welchs(summary):
    own = replication.published_ratios(summary, ["linux-native", "docker-native"])
    row = own[(own["metric"] == "kv_get_throughput") & (own["level"] == 100)].iloc[0]
    assert (row["platform"], row["against"]) == ("docker-native", "linux-native")
    assert 0.75 < row["ci_low"] < row["ratio"] < row["ci_high"] < 0.80
    assert row["p_adj"] < 1e-10


def test_a_slowdown_of_one_platform_differs_and_is_found_in_its_pairs_alone(plan, run, summary):
    names = ("linux-native", "docker-native", "lxd-native")
    own = few(run, *names)
    slower = own.assign(value=own["value"].mask(own["platform"] == "lxd-native", own["value"] / 2))
    table = beside(plan, slower, summary)
    found = table[table["size"] != NOT_COMPARED].set_index(["platform", "against"])
    assert found["size"].to_dict() == {
        ("docker-native", "linux-native"): "agrees",
        ("lxd-native", "linux-native"): "differs",
        ("lxd-native", "docker-native"): "differs",
    }
    assert found.loc[("lxd-native", "docker-native"), "order"] == "differs"
    assert found.loc[("lxd-native", "linux-native"), "order"] == "agrees"
    assert found.loc[("lxd-native", "linux-native"), "quotient"] == pytest.approx(0.5, rel=0.02)


def test_ratios_to_the_baseline_are_those_of_the_runs_own_table(plan, run, summary):
    own = few(run, "linux-native", "docker-native", "lxd-native")
    table = ratios(own, "linux-native", plan.margin, seed=1)
    found = replication.compare(plan, own, summarize(own), table.assign(p_adj=0.5), summary)
    to_base = found[found["against"] == "linux-native"]
    assert list(to_base["ratio"]) == list(table["ratio"])
    assert set(to_base["reason"]) == {"inconclusive in this run"}


def test_suspect_windows_are_counted_on_both_sides(plan, run, summary):
    own = few(run, "linux-native", "mirageos-xen")
    doubtful = own.assign(verdict=own["verdict"].mask(own["deployment"] == 1, "suspect"))
    (row,) = beside(plan, doubtful, summary).query("size != @NOT_COMPARED").itertuples()
    assert (row.n_suspect, row.papers_n_suspect) == (2, 10)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "docker-tcg",
            "emulated in software, which says nothing about the speed of virtualization",
        ),
        ("docker-native+bridge", "the paper did not run it"),
        ("gvisor-native", "the paper did not run it"),
    ],
)
def test_what_the_paper_did_not_run_is_said_not_to_compare(plan, run, summary, name, reason):
    place, _, network = name.partition("+")
    technology, hypervisor = place.split("-")
    emulated = hypervisor == "tcg"
    more = {"network": network or "nat", "technology": technology, "hypervisor": hypervisor}
    told = change(plan, "docker-native", name=name, emulated=emulated, **more)
    own = few(run, "linux-native", "docker-native").replace({"platform": {"docker-native": name}})
    own = own.assign(emulated=(own["platform"] == name) & emulated)
    table = per_stratum(
        lambda part: ratios(part, "linux-native", 0.05, 1), own, baseline="linux-native"
    )
    found = replication.compare(told, own, per_stratum(summarize, own), table, summary)
    assert set(found["size"]) == {NOT_COMPARED}
    assert gaps(found)["", name] == reason
    assert gaps(found)["", "docker-native"] == "not requested in `platforms`"


def test_a_platform_that_is_not_there_says_what_to_do(plan, run, summary):
    lack = MissingRequirement(what="no /dev/kvm", remedy="load kvm")
    less = change(plan, "linux-kvm", missing_requirements=(lack,))
    kept = tuple(one for one in less.platforms if one.name != "osv-kvm")
    less = less.model_copy(update={"platforms": kept})
    found = gaps(beside(less, few(run, "linux-native", "docker-native"), summary))
    assert found["", "linux-kvm"] == "it cannot run here: no /dev/kvm"
    assert found["", "osv-kvm"] == "not requested in `platforms`"


def test_only_equal_numbers_of_connections_are_compared(plan, run, summary):
    own = few(run, "linux-native", "docker-native", level=100)
    moved = own.assign(level=32)
    table = beside(plan, moved, summary)
    told = table[(table["metric"] == "http_throughput") & (table["level"] == 32)]
    (row,) = told.itertuples()
    assert row.size != "agrees"
    assert row.reason.startswith("other levels: the paper has 1, 100, 200, 300")
    there = table[(table["metric"] == "http_throughput") & (table["level"] == 100)]
    assert list(there["reason"]) == ["other levels: `concurrency` requests 32 here"]


def test_other_units_workloads_and_settings_keep_a_metric_from_being_compared(plan, run, summary):
    own = few(run, "linux-native", "docker-native", metric="round_trip_time", level=1)
    names = ["http", "kv", "latency"]
    told = plan.model_copy(
        update={"workloads": tuple(one for one in plan.workloads if one.name in names)}
    )
    told = of_workload(told, "http", settings={"file_bytes": 10240})
    told = of_workload(told, "kv", settings={"pipeline": 1})
    own = pd.concat([own, own.assign(platform="lxd-native")]).assign(unit="us")
    found = gaps(beside(told, own, summary))
    assert found["round_trip_time", ""] == "other units: us here, ms in the paper"
    assert found["startup_time", ""] == "`startup` is not requested in `workloads`"
    assert found["http_throughput", ""].startswith("`file_bytes` is 10240, and the paper had")
    assert found["kv_set_throughput", ""].startswith("`pipeline` is 1, and the paper had")


def test_other_tuning_and_other_settings_of_a_platform_are_no_comparison(plan, run, summary):
    config = {
        "tuning": {"net_sysctls": {}, "nofile": 20000},
        "platforms": [{"name": "docker-native", "settings": {"runtime": "runsc"}}],
    }
    other = plan.model_copy(update={"config": config})
    found = gaps(beside(other, few(run, "linux-native", "docker-native"), summary))
    assert found["http_throughput", ""].startswith("`net_sysctls` differs")
    assert found["", "docker-native"] == "`runtime` is runsc, and the paper had runc"


def test_a_run_of_one_platform_or_without_a_baseline_or_of_nothing(plan, run, summary):
    alone = beside(plan, few(run, "docker-native"), summary)
    assert set(alone["size"]) == {NOT_COMPARED}
    (row,) = beside(plan, few(run, "docker-native", "lxd-native"), summary).query(
        "size != @NOT_COMPARED"
    ).itertuples()  # fmt: skip
    assert (row.platform, row.against, row.size) == ("lxd-native", "docker-native", "agrees")
    nothing = beside(plan, run[:0], summary)
    assert set(nothing["size"]) == {NOT_COMPARED}
    assert "no valid window here" in set(nothing["reason"])
