# SPDX-License-Identifier: Apache-2.0
"""Every table is computed; emulated platforms are a stratum of their own in all of them."""

import numpy as np
import pandas as pd
import pytest

from builders import METRICS
from featherbench.records.tables import ANALYSIS, CAPTIONS, table_file
from featherbench.statistics.data.samples import EMULATED, latencies_of, per_stratum
from featherbench.statistics.design.variance_components import components, costs_s
from featherbench.statistics.diagnostics.screening import screen
from featherbench.statistics.tables import COMPUTE
from featherbench.statistics.time_to_first_packet import crossing_bandwidths


def _of(table, *, emulated):
    return table[table[EMULATED] == emulated].reset_index(drop=True)


@pytest.fixture(scope="module")
def tables(nine):
    return {name: make(nine.samples, nine.plan) for name, make in COMPUTE.items()}


def test_the_samples_say_which_platforms_are_emulated(nine):
    known = nine.samples.groupby(EMULATED)["hypervisor"].unique()
    assert set(known[True]) == {"tcg"}
    assert set(known[False]) == {"native", "kvm"}


@pytest.mark.parametrize("name", COMPUTE)
def test_a_table_of_the_others_is_as_if_there_were_no_emulation(name, nine, tables):
    others = nine.samples[~nine.samples[EMULATED]]
    ours = _of(tables[name], emulated=False)
    alone = _of(COMPUTE[name](others, nine.plan), emulated=False)
    if name == "components":  # what a deployment costs is told by the whole course of the run
        ours, alone = (
            table.drop(columns=list(table.filter(like="_needed"))) for table in (ours, alone)
        )
    pd.testing.assert_frame_equal(ours, alone)
    assert len(ours)


def test_emulated_platforms_are_compared_only_with_each_other(tables):
    pairs = _of(tables["posthoc"], emulated=True)
    assert set(pairs["platform_a"]) | set(pairs["platform_b"]) == {
        *("linux-tcg", "docker-tcg", "lxd-tcg")
    }
    anova = tables["anova"].query("effect == 'platform' and metric == 'http_throughput'")
    freedom = anova.groupby(EMULATED)["df"].unique()
    assert (list(freedom[True]), list(freedom[False])) == ([2], [5])


def test_emulated_platforms_have_their_ratio_to_the_baseline_in_a_group_of_their_own(tables):
    ratios = _of(tables["ratios"], emulated=True)
    assert set(ratios["platform"]) == {"linux-tcg", "docker-tcg", "lxd-tcg"}
    assert set(ratios["baseline"]) == {"linux-native"}
    http = ratios[ratios["metric"] == "http_throughput"]
    assert (http["p_adj"] <= http["p"] * len(http) * (1 + 1e-9)).all()
    assert http["ratio"].between(0.005, 0.06).all()


def test_an_emulated_baseline_is_not_shared(nine):
    found = per_stratum(lambda rows: rows, nine.samples, baseline="linux-tcg")
    assert len(found) == len(nine.samples)
    assert not set(_of(found, emulated=False)["platform"]) & {"linux-tcg"}


def test_they_do_not_cross_on_any_link(nine):
    crossings = per_stratum(lambda rows: crossing_bandwidths(rows, METRICS), nine.samples)
    for row in crossings.to_dict("records"):
        hypervisors = {row[side].partition("-")[2] for side in ("first_below", "first_above")}
        assert hypervisors == {"tcg"} if row[EMULATED] else "tcg" not in hypervisors


def test_emulation_that_drifts_makes_nothing_else_suspect(nested):
    names = {"linux-native": 1.0, "linux-kvm": 0.8, "linux-tcg": 0.1, "docker-tcg": 0.1}
    samples = nested(platforms=names, deployments=8, windows=3)
    emulated = samples["platform"].str.endswith("-tcg")
    drift = np.where(emulated, 1.2 ** samples["deployment"], 1.0)
    found = screen(samples.assign(value=samples["value"] * drift, emulated=emulated), METRICS)
    doubted = found[found["verdict"] == "suspect"]
    assert set(doubted["platform"]) == {"linux-tcg", "docker-tcg"}
    assert doubted["reasons"].str.contains("drift").all()


def test_what_an_emulated_deployment_costs_is_no_cost_of_the_others(nested):
    names = {"linux-native": 1.0, "linux-tcg": 0.1}
    run = nested(platforms=names, deployments=6).sort_values(["deployment", "platform", "window"])
    before_s = run["platform"].map({"linux-native": 3.0, "linux-tcg": 60.0})
    steps_s = run["duration_s"].shift(fill_value=0.0) + before_s.where(run["window"] == 1, 0.0)
    run = run.assign(started_monotonic_s=steps_s.cumsum())
    for name, cost_s in (("linux-native", 3.0), ("linux-tcg", 60.0)):
        assert costs_s(run, [name]).loc["m0", "deployment_s"] == pytest.approx(cost_s)
    emulated = run["platform"] == "linux-tcg"
    table = per_stratum(lambda rows: components(rows, 0.02, run), run.assign(emulated=emulated))
    needed = table.set_index("platform")["windows_needed"]
    assert needed["linux-tcg"] > needed["linux-native"]


@pytest.mark.parametrize("name", COMPUTE)
def test_nothing_measured_is_an_empty_table_with_its_columns(name, nine, tables):
    nothing = COMPUTE[name](nine.samples.head(0), nine.plan)
    assert nothing.empty
    assert list(nothing.columns) == list(tables[name].columns)


def test_each_table_is_computed_and_has_a_caption_of_one_sentence_and_a_file():
    assert tuple(COMPUTE) == ANALYSIS
    assert all(caption.endswith(".") for caption in CAPTIONS.values())
    assert table_file("ratios") == "results/tables/ratios.csv"


@pytest.fixture(scope="module")
def offered(make, tmp_path_factory):
    """A study of one workload at numbers of connections and at rates, whose numbers are alike."""
    plan = make.plan(make.TWO, levels=(1, 100, "r100", "r20000"), workloads=("http",))
    return make.study(plan, tmp_path_factory.mktemp("offered"))


@pytest.mark.parametrize("name", ["summary", "posthoc", "ratios", "levels", "components", "checks"])
def test_beside_a_level_is_the_load_point_that_says_what_it_counts(offered, name):
    table = COMPUTE[name](offered.samples, offered.plan)
    at = list(table.columns).index("level")
    assert table.columns[at + 1] == "load_point"
    known = table.dropna(subset=["level"])
    assert table["load_point"].isna().equals(table["level"].isna())
    points = known.groupby("metric")["load_point"].unique().map(set)
    assert points["http_throughput"] <= {"c1", "c100"}
    assert points["http_open_latency_p99"] <= {"r100", "r20000"}
    assert (known["load_point"].str.slice(1).astype(int) == known["level"]).all()


def test_latencies_are_of_the_same_loop():
    by_name = {metric.name: metric for metric in METRICS}
    closed = latencies_of(by_name["kv_get_throughput"], METRICS)
    at_rate = latencies_of(by_name["kv_get_open_throughput"], METRICS)
    assert closed["p99"] == "kv_get_latency_p99"
    assert at_rate["p99"] == "kv_get_open_latency_p99"
    assert closed.keys() == at_rate.keys()
